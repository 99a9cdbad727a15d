import { messageOf } from "../../../primitives/expected-error.ts";
import type { OciStore } from "./oci-store.ts";

/** The status of a store, for monitoring. Cheap to read. */
export interface StoreStatus {
  readonly store: string;
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  /** `undefined` until they are counted for the first time, which the first call starts. */
  readonly blobs: number | undefined;
  readonly blobBytes: number | undefined;
  readonly manifestBytes: number;
  /** Open uploads. */
  readonly uploads: number;
  readonly uploadBytes: number;
  /** Commits since the start. */
  readonly commits: number;
  /** Changes that wait to be committed. */
  readonly waiting: number;
  /** Whether the index lacks commits. */
  readonly isIndexBehind: boolean;
  /** Whether the history index lacks commits; it catches up when it is next read. */
  readonly isHistoryBehind: boolean;
}

/** `uploadsAgeMs`: see `UploadStore.list`. */
export async function statusOf(
  { location, index, sizes, uploads, store, derived, history }: OciStore,
  uploadsAgeMs = 0,
): Promise<StoreStatus> {
  const { commitId } = store.head();
  const counted = sizes.latest();
  const sessions = await uploads.list(uploadsAgeMs);
  return {
    store: location.store,
    ...index.counts(),
    blobs: counted?.blobs,
    blobBytes: counted?.bytes,
    manifestBytes: index.manifestBytes(),
    uploads: sessions.length,
    uploadBytes: sessions.reduce((sum, { size }) => sum + size, 0),
    commits: store.commits,
    waiting: store.waiting,
    isIndexBehind: derived.head !== commitId,
    isHistoryBehind: history.head !== commitId,
  };
}

/** The status of each store; for a store that can't be read, its problem instead. */
export async function statusesOf(
  stores: readonly OciStore[],
  uploadsAgeMs = 0,
): Promise<{
  readonly read: readonly StoreStatus[];
  readonly unreadable: readonly { readonly store: string; readonly problem: string }[];
}> {
  const read: StoreStatus[] = [];
  const unreadable: { store: string; problem: string }[] = [];
  for (const oci of stores) {
    try {
      read.push(await statusOf(oci, uploadsAgeMs));
    } catch (error) {
      unreadable.push({ store: oci.location.store, problem: messageOf(error) });
    }
  }
  return { read, unreadable };
}
