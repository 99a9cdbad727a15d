import {
  conditionHeaders,
  metadataHeaders,
  type PutOptions,
  type PutOutcome,
  type S3Bucket,
} from "./s3-bucket.ts";
import { S3UnavailableError, S3UncertainError } from "./s3-errors.ts";
import { type S3Response, textOf } from "./s3-exchange.ts";
import {
  type ListedUpload,
  parseUploadId,
  parseUploads,
  parseWritten,
  type UploadedPart,
  writeCompletion,
} from "./s3-xml.ts";

/** The smallest size of a part that is not the last one, and the most parts of an object (S3 user guide, "Multipart upload limits"). */
export const MIN_PART_BYTES = 5 * 1024 * 1024;
export const MAX_PARTS = 10_000;

/** An object that is written in parts. Each part is durable once it is stored; the object exists once it is completed. */
export interface MultipartUpload {
  readonly key: string;
  readonly id: string;
}

/** Writes objects in parts. Keys are relative to the bucket's prefix. */
export class S3Multipart {
  readonly #bucket: S3Bucket;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  async start(key: string, metadata: PutOptions["metadata"] = {}): Promise<MultipartUpload> {
    const response = await this.#bucket.client.send({
      method: "POST",
      key,
      query: { uploads: "" },
      headers: metadataHeaders(metadata),
      // A second upload would only be left over, until it is collected.
      isRepeatable: true,
    });
    return { key, id: parseUploadId(textOf(response)) };
  }

  /** `number` counts from 1. A part that is put again replaces the one before. Resolves with `undefined` if the upload is gone. */
  async putPart(
    { key, id }: MultipartUpload,
    number: number,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<UploadedPart | undefined> {
    const query = { partNumber: String(number), uploadId: id };
    const response = await this.#bucket.client.send({ method: "PUT", key, query, body, isRepeatable: true });
    if (response.status === 404) return undefined;
    return { number, etag: response.headers.get("etag") ?? "" };
  }

  /**
   * Makes the object of its parts. Rejects with `S3UncertainError` if it is unknown whether it was made; resolves with
   * `gone` if the upload does not exist. After a completion whose response was lost, some servers say `gone`, some `stored`.
   */
  async complete(
    { key, id }: MultipartUpload,
    parts: readonly UploadedPart[],
    condition?: PutOptions["condition"],
  ): Promise<PutOutcome | { readonly kind: "gone" }> {
    const { client } = this.#bucket;
    const body = new Uint8Array(Buffer.from(writeCompletion(parts)));
    const headers = conditionHeaders(condition);
    let response: S3Response;
    try {
      response = await client.send({
        method: "POST",
        key,
        query: { uploadId: id },
        headers,
        body,
        isRepeatable: false,
      });
    } catch (error) {
      if (error instanceof S3UnavailableError) throw new S3UncertainError(error.message, { cause: error });
      throw error;
    }
    if (response.status === 404) return { kind: "gone" };
    if (response.status === 412) return { kind: "refused" };
    // The server sends the status before it has put the parts together, so the body may be an error.
    const etag = response.ok ? parseWritten(textOf(response)) : undefined;
    if (etag === undefined)
      throw new S3UncertainError(
        `the object store does not complete the object ${key} (status ${response.status})`,
      );
    return { kind: "stored", etag };
  }

  /** Ends an upload without an object; one that is gone counts as ended. */
  async abort({ key, id }: MultipartUpload): Promise<void> {
    await this.#bucket.client.send({ method: "DELETE", key, query: { uploadId: id }, isRepeatable: true });
  }

  /** The uploads below `prefix` that were started and not ended; at most 1000, the first ones by key. */
  async list(prefix: string): Promise<ListedUpload[]> {
    const { client } = this.#bucket;
    const { prefix: base } = client.location;
    const full = base === "" ? prefix : `${base}/${prefix}`;
    const response = await client.send({
      method: "GET",
      query: { uploads: "", prefix: full },
      isRepeatable: true,
    });
    const skipped = base === "" ? 0 : base.length + 1;
    return parseUploads(textOf(response)).map((upload) => ({
      ...upload,
      key: upload.key.slice(skipped),
    }));
  }
}
