import { messageOf } from "../../../primitives/expected-error.ts";
import type { OciStore } from "./oci-store.ts";

/** How a store stands, for those who watch it. Cheap to ask for. */
export interface StoreStatus {
  readonly store: string;
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  /** Unknown until they are counted for the first time, which begins with the first question. */
  readonly blobs: number | undefined;
  readonly blobBytes: number | undefined;
  readonly manifestBytes: number;
  /** Uploads that were begun and not ended, and what they hold. */
  readonly uploads: number;
  readonly uploadBytes: number;
  /** Since the start. */
  readonly commits: number;
  /** Changes that wait for their commit. */
  readonly waiting: number;
  /** Whether the index lacks commits. */
  readonly isIndexBehind: boolean;
  /** Whether the index of the history does; it catches up when it is asked. */
  readonly isHistoryBehind: boolean;
}

export async function statusOf({
  location,
  index,
  sizes,
  uploads,
  store,
  derived,
  history,
}: OciStore): Promise<StoreStatus> {
  const { commitId } = store.head();
  const counted = sizes.latest();
  const sessions = await uploads.list();
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

/** How all stores stand; one that can't be read is told of instead. */
export async function statusesOf(stores: readonly OciStore[]): Promise<{
  readonly read: readonly StoreStatus[];
  readonly unreadable: readonly { readonly store: string; readonly problem: string }[];
}> {
  const read: StoreStatus[] = [];
  const unreadable: { store: string; problem: string }[] = [];
  for (const oci of stores) {
    try {
      read.push(await statusOf(oci));
    } catch (error) {
      unreadable.push({ store: oci.location.store, problem: messageOf(error) });
    }
  }
  return { read, unreadable };
}
