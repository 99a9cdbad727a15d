import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UncertainError } from "../../../../s3/s3-errors.ts";
import { type Checkpoint, decodeCheckpoint, EMPTY_CHECKPOINT, encodeCheckpoint } from "./checkpoint.ts";

/** A version of the checkpoint as it was read. */
export interface ReadCheckpoint {
  readonly checkpoint: Checkpoint;
  /** `undefined` if there is none yet. */
  readonly etag: string | undefined;
  /** By the store's clock. */
  readonly written: Date;
}

/** The newest checkpoint of a store, which each change replaces. */
export class CheckpointObject {
  readonly #bucket: S3Bucket;
  readonly #key: string;

  constructor(bucket: S3Bucket, key: string) {
    this.#bucket = bucket;
    this.#key = key;
  }

  async read(): Promise<ReadCheckpoint> {
    const object = await this.#bucket.read(this.#key);
    if (!object) return { checkpoint: EMPTY_CHECKPOINT, etag: undefined, written: new Date(0) };
    const { bytes, etag, modified } = object;
    return { checkpoint: decodeCheckpoint(bytes, `the checkpoint ${this.#key}`), etag, written: modified };
  }

  /** Replaces the version that was read; false if another node has replaced it. */
  async replace({ etag }: ReadCheckpoint, next: Checkpoint): Promise<boolean> {
    const condition = etag === undefined ? ({ absent: true } as const) : { etag };
    try {
      return (await this.#bucket.put(this.#key, encodeCheckpoint(next), { condition })).kind === "stored";
    } catch (error) {
      if (!(error instanceof S3UncertainError)) throw error;
      // If it is not there, it may still come: but never over a version that another node writes meanwhile.
      if ((await this.read()).checkpoint.nonce === next.nonce) return true;
      throw error;
    }
  }
}
