import { SessionCounts } from "../primitives/store/blobs/session-counts.ts";
import { LocalUploadLocks } from "../primitives/store/blobs/upload-locks.ts";
import type { BlobStore } from "../primitives/store/engine/blobs.ts";
import type { StoreManager, StoreName } from "../primitives/store/store-manager.ts";

/** The blobs of a store, to be read; `undefined` if it never held any. */
export async function storedBlobs(stores: StoreManager, name: StoreName): Promise<BlobStore | undefined> {
  if (!(await stores.hasContent(name))) return undefined;
  const { blobs } = await stores.openContent(name, {
    onDamage: () => undefined,
    locks: new LocalUploadLocks(),
    sessions: new SessionCounts(),
    isOwner: false,
  });
  return blobs;
}
