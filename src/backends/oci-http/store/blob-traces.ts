import type { Digest } from "../../../primitives/digest.ts";
import type { StoreView } from "./store-view.ts";

/**
 * Makes collectors on all nodes keep a blob that a client asked for; false if it is gone. No trace is needed while a manifest
 * names the blob.
 */
export async function keepForClient(
  { blobs, index }: Pick<StoreView, "blobs" | "index">,
  digest: Digest,
): Promise<boolean> {
  if (!blobs.touch || index.isNeeded(digest)) return true;
  await blobs.touch(digest);
  return (await blobs.stat(digest)) !== undefined;
}
