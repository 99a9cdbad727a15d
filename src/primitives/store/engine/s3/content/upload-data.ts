import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3Multipart } from "../../../../s3/s3-multipart.ts";
import type { UploadId } from "../../upload-id.ts";
import { type ContentKeys, dataPrefix } from "./content-keys.ts";
import { Deletions } from "./deletions.ts";
import type { SessionState } from "./session-state.ts";

/** The data objects of uploads. */
export class UploadData {
  readonly #bucket: S3Bucket;
  readonly #keys: ContentKeys;
  readonly #multipart: S3Multipart;
  readonly #deletions: Deletions;

  constructor(bucket: S3Bucket, keys: ContentKeys) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#multipart = new S3Multipart(bucket);
    this.#deletions = new Deletions(bucket);
  }

  /** Deletes what one state of a session names and the next one does not, unless a blob may name it. */
  async removeReplaced(before: SessionState, after: SessionState): Promise<void> {
    if (before.named !== undefined) return;
    const names = new Set(after.segments.map(({ name }) => name));
    const replaced = before.segments.filter(({ name }) => !names.has(name));
    await this.#deletions.remove(replaced.map(({ name }) => this.#keys.data(name)));
  }

  /** Deletes what an upload has written, also parts that a request is writing, but for the objects of `kept`. */
  async removeAllBut(id: UploadId, kept: readonly string[]): Promise<void> {
    const prefix = this.#keys.data(dataPrefix(id));
    for (const upload of await this.#multipart.list(prefix)) await this.#multipart.abort(upload);
    for await (const page of this.#bucket.list(prefix))
      await this.#deletions.remove(page.map(({ key }) => key).filter((key) => !kept.includes(key)));
  }

  /** Ends all uploads in parts of the store that were begun before `before`, by the store's clock: none takes as long. */
  async abortOld(before: Date): Promise<void> {
    for (const upload of await this.#multipart.list(this.#keys.root))
      if (upload.started < before) await this.#multipart.abort(upload);
  }
}
