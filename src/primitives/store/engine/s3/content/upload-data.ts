import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3Multipart } from "../../../../s3/s3-multipart.ts";
import type { UploadId } from "../../upload-id.ts";
import type { Segment } from "./blob-object.ts";
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

  remove(segments: readonly Segment[]): Promise<void> {
    return this.#deletions.remove(segments.map(({ name }) => this.#keys.data(name)));
  }

  /** Deletes what one state of a session names and the next one does not. */
  removeReplaced(before: SessionState, after: SessionState): Promise<void> {
    return this.remove(without(before.segments, after.segments));
  }

  /** Deletes all that an upload has written, also parts that a request is writing. */
  async removeAll(id: UploadId): Promise<void> {
    const prefix = this.#keys.data(dataPrefix(id));
    for (const upload of await this.#multipart.list(prefix)) await this.#multipart.abort(upload);
    for await (const page of this.#bucket.list(prefix))
      await this.#deletions.remove(page.map(({ key }) => key));
  }
}

export function without(segments: readonly Segment[], others: readonly Segment[]): Segment[] {
  const names = new Set(others.map(({ name }) => name));
  return segments.filter(({ name }) => !names.has(name));
}
