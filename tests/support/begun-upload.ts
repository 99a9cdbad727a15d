import type { DigestAlgorithm } from "../../src/primitives/digest.ts";
import type { UploadId } from "../../src/primitives/store/engine/upload-id.ts";
import type { UploadStore } from "../../src/primitives/store/engine/uploads.ts";

/** Starts an upload session with the scope `app`; fails if the limit on sessions is reached. */
export async function begun(
  uploads: UploadStore,
  algorithm: DigestAlgorithm = "sha256",
  network = "127.0.0.1",
): Promise<UploadId> {
  const id = await uploads.create("app", algorithm, { user: undefined, network });
  if (typeof id !== "string") throw new Error(`there are ${id.limit} sessions already`);
  return id;
}
