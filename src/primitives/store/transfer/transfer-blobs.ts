import type { Digest } from "../../digest.ts";
import { storageTroubleOf } from "../../fs/storage-trouble.ts";
import type { BlobStore, OpenBlob } from "../engine/blobs.ts";
import { MissingObjectError } from "../engine/s3/content/segment-stream.ts";
import type { BlobTarget } from "../engine/storage-target.ts";
import { lackingBlobs } from "./lacking-blobs.ts";
import { type Persistence, persistently } from "./persistently.ts";
import type { TransferWatch } from "./transfer-watch.ts";

/** Blobs that are copied at once. The target bounds the memory that they need. */
const WORKERS = 32;

export interface BlobTransfer {
  readonly source: BlobStore;
  readonly target: BlobTarget;
  readonly watch: TransferWatch;
  /** See `Persistence`. */
  readonly pausesMs?: Persistence["pausesMs"];
}

export interface TransferredBlobs {
  readonly copied: number;
  readonly copiedBytes: number;
  /** Those whose bytes are not what their digest says, or can't be read; they were left out. */
  readonly damaged: readonly Digest[];
}

/** Copies the blobs that the target lacks, and hashes them on the way. What the source removes meanwhile may be missing. */
export async function transferBlobs(transfer: BlobTransfer): Promise<TransferredBlobs> {
  const { source, target, watch, pausesMs } = transfer;
  const damaged = new Set<Digest>();
  let [copied, copiedBytes] = [0, 0];
  const copy = async (digest: Digest) => {
    const blob = damaged.has(digest) ? undefined : await source.open(digest);
    if (!blob) return;
    if (await copyBlob(digest, blob, transfer)) {
      copied++;
      copiedBytes += blob.size;
    } else damaged.add(digest);
  };
  await persistently({ watch, progress: () => copied, ...(pausesMs && { pausesMs }) }, async () => {
    await copyAll(lackingBlobs(source.list(), target.list()), copy);
    await target.flush();
  });
  return { copied, copiedBytes, damaged: [...damaged] };
}

/** All that was begun comes to its end, also after a failure. */
async function copyAll(
  digests: AsyncGenerator<Digest>,
  copy: (digest: Digest) => Promise<void>,
): Promise<void> {
  let hasFailed = false;
  const work = async () => {
    try {
      for (let next = await digests.next(); !next.done && !hasFailed; next = await digests.next())
        await copy(next.value);
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: WORKERS }, work));
  const failure = ends.find((end) => end.status === "rejected");
  if (failure) throw failure.reason;
}

/** False if the blob is damaged. */
async function copyBlob(digest: Digest, blob: OpenBlob, { target, watch }: BlobTransfer): Promise<boolean> {
  let bytes = 0;
  async function* counted() {
    for await (const chunk of blob.stream()) {
      bytes += chunk.length;
      watch.copied(chunk.length);
      yield chunk;
    }
  }
  let isKept = false;
  try {
    isKept = await target.put(digest, counted());
  } catch (error) {
    // The disk can't read it; or the bytes of a blob that an object store has are gone.
    const isUnreadable = storageTroubleOf(error) === "failing" || error instanceof MissingObjectError;
    if (!isUnreadable) throw error;
  } finally {
    if (!isKept) watch.copied(-bytes);
  }
  return isKept;
}
