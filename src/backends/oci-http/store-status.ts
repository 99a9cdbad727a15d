import type { OciStore } from "./oci-store.ts";

/** How a store stands, for those who watch it. Cheap to ask for. */
export interface StoreStatus {
  readonly store: string;
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  /** As of the last count, which begins with the first question. */
  readonly blobs: number | undefined;
  readonly blobBytes: number | undefined;
  /** Uploads that were begun and not ended. */
  readonly uploads: number;
  /** Since the start. */
  readonly commits: number;
  /** Changes that wait for their commit. */
  readonly waiting: number;
  /** Whether the index lacks commits. */
  readonly isIndexBehind: boolean;
  /** Whether the index of the history does; it catches up when it is asked. */
  readonly isHistoryBehind: boolean;
}

function statusOf({ location, index, sizes, uploads, store, derived, history }: OciStore): StoreStatus {
  const { commitId } = store.head();
  const counted = sizes.latest();
  return {
    store: location.store,
    ...index.counts(),
    blobs: counted?.blobs,
    blobBytes: counted?.bytes,
    uploads: uploads.count(),
    commits: store.commits,
    waiting: store.waiting,
    isIndexBehind: derived.head !== commitId,
    isHistoryBehind: history.head !== commitId,
  };
}

/** How all stores stand; one that can't be read is told of instead. */
export function statusesOf(stores: readonly OciStore[]): {
  readonly read: readonly StoreStatus[];
  readonly unreadable: readonly { readonly store: string; readonly problem: string }[];
} {
  const read: StoreStatus[] = [];
  const unreadable: { store: string; problem: string }[] = [];
  for (const oci of stores) {
    try {
      read.push(statusOf(oci));
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      unreadable.push({ store: oci.location.store, problem });
    }
  }
  return { read, unreadable };
}
