import { ExpectedError } from "../../../../expected-error.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UnavailableError, S3UncertainError } from "../../../../s3/s3-errors.ts";
import { MAX_PARTS, type MultipartUpload, S3Multipart } from "../../../../s3/s3-multipart.ts";
import type { UploadedPart } from "../../../../s3/s3-xml.ts";
import type { Segment } from "./blob-object.ts";
import type { ContentKeys } from "./content-keys.ts";

/**
 * Bytes of a part; all parts but the last are equal, as some stores demand. An upload needs memory for one that fills and for
 * those that are on their way, which is 30 MiB together.
 */
export const PART_BYTES = 10 * 1024 * 1024;
const MAX_ON_THEIR_WAY = 2;
const FIRST_BUFFER_BYTES = 64 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;

/** The parts were deleted: the session has ended meanwhile. */
export class SegmentGoneError extends Error {}

export interface SegmentOrigin {
  /** Of the data object to be written. */
  readonly name: string;
  /** Small segments that end before the new bytes: copied into the new segment if it gets parts. Together below `PART_BYTES`. */
  readonly before: readonly Segment[];
  /** Bytes between those and the new ones. */
  readonly tail: Uint8Array;
}

/** Takes bytes and writes them to a data object: in one request if they are few, else in parts while they come. */
export class SegmentWriter {
  readonly #bucket: S3Bucket;
  readonly #multipart: S3Multipart;
  readonly #keys: ContentKeys;
  readonly #origin: SegmentOrigin;
  /** Bytes of `before`, for which the first buffer has room. */
  readonly #start: number;
  /** Without bytes until it is needed. */
  #buffer: Bytes = new Uint8Array();
  #filled: number;
  /** Buffers whose part was stored. */
  readonly #free: Bytes[] = [];
  #upload: Promise<MultipartUpload> | undefined;
  readonly #parts: UploadedPart[] = [];
  #partCount = 0;
  readonly #onTheirWay = new Set<Promise<void>>();
  #failure: unknown;
  #isWritten = false;

  constructor(bucket: S3Bucket, keys: ContentKeys, origin: SegmentOrigin) {
    this.#bucket = bucket;
    this.#multipart = new S3Multipart(bucket);
    this.#keys = keys;
    this.#origin = origin;
    this.#start = origin.before.reduce((sum, { size }) => sum + size, 0);
    this.#filled = this.#start + origin.tail.length;
  }

  /** Whether it has written parts: then the new segment holds the bytes of `before` as well. */
  get hasParts(): boolean {
    return this.#partCount > 0;
  }

  /** `before`, the tail and what was written so far. */
  get size(): number {
    return this.#partCount * PART_BYTES + this.#filled;
  }

  /** Resolves when there is room for more; `undefined` if there is. Rejects if the store fails. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#filled + chunk.length < PART_BYTES) {
      this.#append(chunk);
      return undefined;
    }
    return this.#writeParts(chunk);
  }

  /** The tail and what was written, while there are no parts. */
  newBytes(): Bytes {
    this.#reserve(this.#filled);
    return this.#buffer.subarray(this.#start, this.#filled);
  }

  /** All bytes, while there are no parts. */
  async bytes(): Promise<Bytes> {
    await this.#loadBefore();
    return this.#buffer.subarray(0, this.#filled);
  }

  /** Writes what is left. The segment holds all bytes if there are parts, otherwise those of `newBytes`. */
  async complete(): Promise<Segment> {
    const { name } = this.#origin;
    const key = this.#keys.data(name);
    this.#isWritten = true;
    if (!this.hasParts) {
      const bytes = this.newBytes();
      await this.#bucket.put(key, bytes);
      return { name, size: bytes.length };
    }
    const { size } = this;
    if (this.#filled > 0) await this.#sendPart();
    await Promise.all(this.#onTheirWay);
    this.#throwFailure();
    const parts = this.#parts.toSorted((a, b) => a.number - b.number);
    if (!(await this.#completeParts(key, parts)) && (await this.#bucket.head(key))?.size !== size)
      throw new S3UnavailableError(`the object store did not complete the object ${key}`);
    return { name, size };
  }

  /** Deletes what was written. */
  async abandon(): Promise<void> {
    await Promise.all(this.#onTheirWay);
    const upload = await this.#upload?.catch(() => undefined);
    if (upload) await this.#multipart.abort(upload);
    if (this.#isWritten) await this.#bucket.remove(this.#keys.data(this.#origin.name));
  }

  /** False if it is unknown whether the object was made. */
  async #completeParts(key: string, parts: readonly UploadedPart[]): Promise<boolean> {
    const upload = await this.#upload;
    if (!upload) throw new Error(`${key} has no parts`);
    try {
      const outcome = await this.#multipart.complete(upload, parts);
      if (outcome.kind === "gone") throw new SegmentGoneError(`the parts of ${key} are gone`);
      return outcome.kind === "stored";
    } catch (error) {
      if (error instanceof S3UncertainError) return false;
      throw error;
    }
  }

  async #writeParts(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + PART_BYTES - this.#filled);
      this.#append(part);
      at += part.length;
      if (this.#filled === PART_BYTES) await this.#sendPart();
    }
  }

  #append(chunk: Uint8Array): void {
    this.#reserve(this.#filled + chunk.length);
    this.#buffer.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  /** Makes room in the buffer for so many bytes. */
  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const isFirst = this.#buffer.length === 0;
    const larger = new Uint8Array(
      Math.min(Math.max(bytes, 2 * this.#buffer.length, FIRST_BUFFER_BYTES), PART_BYTES),
    );
    if (isFirst) larger.set(this.#origin.tail, this.#start);
    else larger.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = larger;
  }

  /** Sends the buffer as a part; resolves when another one may fill. */
  async #sendPart(): Promise<void> {
    if (this.#partCount >= MAX_PARTS)
      throw new ExpectedError(
        `one request can upload at most ${MAX_PARTS} parts of ${PART_BYTES} bytes to this storage`,
        { kind: "invalid" },
      );
    if (!this.hasParts) await this.#loadBefore();
    this.#upload ??= this.#multipart.start(this.#keys.data(this.#origin.name));
    const upload = await this.#upload;
    const [buffer, length] = [this.#buffer, this.#filled];
    const number = ++this.#partCount;
    this.#filled = 0;
    const sending = this.#put(upload, number, buffer.subarray(0, length)).finally(() => {
      this.#onTheirWay.delete(sending);
      this.#free.push(buffer);
    });
    this.#onTheirWay.add(sending);
    while (this.#onTheirWay.size > MAX_ON_THEIR_WAY) await Promise.race(this.#onTheirWay);
    this.#throwFailure();
    this.#buffer = this.#free.pop() ?? new Uint8Array(PART_BYTES);
  }

  /** Never rejects: what fails is thrown by the next call. */
  async #put(upload: MultipartUpload, number: number, bytes: Bytes): Promise<void> {
    try {
      const part = await this.#multipart.putPart(upload, number, bytes);
      if (!part) throw new SegmentGoneError(`the parts of ${upload.key} are gone`);
      this.#parts.push(part);
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #loadBefore(): Promise<void> {
    this.#reserve(this.#filled);
    let at = 0;
    for (const { name, size } of this.#origin.before) {
      const read = await this.#bucket.read(this.#keys.data(name));
      if (!read || read.bytes.length < size) throw new SegmentGoneError(`the object ${name} is gone`);
      this.#buffer.set(read.bytes.subarray(0, size), at);
      at += size;
    }
  }
}
