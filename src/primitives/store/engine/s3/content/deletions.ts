import type { S3Bucket } from "../../../../s3/s3-bucket.ts";

/** Deletes objects; those that are asked for while a request is under way share the next one. */
export class Deletions {
  readonly #bucket: S3Bucket;
  #waiting: string[] = [];
  #next: Promise<void> | undefined;
  #current: Promise<void> = Promise.resolve();

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  /** Resolves when they are gone. Only for keys that are never written again. */
  async remove(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    this.#waiting.push(...keys);
    this.#next ??= this.#current
      .catch(() => undefined)
      .then(() => {
        const batch = this.#waiting;
        this.#waiting = [];
        this.#next = undefined;
        this.#current = this.#bucket.removeAll(batch);
        return this.#current;
      });
    await this.#next;
  }
}
