import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UnavailableError, S3UncertainError } from "../../../../s3/s3-errors.ts";
import { MAX_PARTS, MIN_PART_BYTES, type MultipartUpload, S3Multipart } from "../../../../s3/s3-multipart.ts";
import type { UploadedPart } from "../../../../s3/s3-xml.ts";
import type { Segment } from "./blob-object.ts";
import type { ContentKeys } from "./content-keys.ts";

/**
 * Bytes of a part; all parts but the last are equal, as some stores demand. An upload needs memory for one that fills and for
 * two that are on their way, of which the runtime keeps a copy each: about 30 MiB together.
 */
export const PART_BYTES = MIN_PART_BYTES;
const MAX_ON_THEIR_WAY = 2;
const FIRST_BUFFER_BYTES = 64 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;

/** The parts were deleted: the session has ended meanwhile. */
export class SegmentGoneError extends Error {}

export interface SegmentOrigin {
  /** Of the data object to be written; those of further ones, where there are too many parts for one, begin with it. */
  readonly name: string;
  /** Parts of an object; default: as many as a store allows. */
  readonly maxParts?: number;
  /** Small segments that end before the new bytes: copied into the new segment if it gets parts. Together below `PART_BYTES`. */
  readonly before: readonly Segment[];
  /** Bytes between those and the new ones. */
  readonly tail: Uint8Array;
}

/** A data object of which parts are written. */
interface OpenObject {
  readonly name: string;
  readonly upload: Promise<MultipartUpload>;
  readonly parts: UploadedPart[];
  count: number;
  /** Of all its parts, in bytes. */
  size: number;
}

/** Takes bytes and writes them to a data object: in one request if they are few, else in parts while they come in. */
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
  /** Objects that are complete. */
  readonly #completed: Segment[] = [];
  #object: OpenObject | undefined;
  /** Whether the session names what was written, or may name it: then it stays. */
  isNamed = false;
  /** Bytes of all parts. */
  #sent = 0;
  readonly #onTheirWay = new Set<Promise<void>>();
  #failure: unknown;

  constructor(bucket: S3Bucket, keys: ContentKeys, origin: SegmentOrigin) {
    this.#bucket = bucket;
    this.#multipart = new S3Multipart(bucket);
    this.#keys = keys;
    this.#origin = origin;
    this.#start = origin.before.reduce((sum, { size }) => sum + size, 0);
    this.#filled = this.sizeBefore;
  }

  /** Whether it has written parts: then the new segment holds the bytes of `before` as well. */
  get hasParts(): boolean {
    return this.#sent > 0;
  }

  /** Of `before` and the tail, in bytes. */
  get sizeBefore(): number {
    return this.#start + this.#origin.tail.length;
  }

  /** `before`, the tail and what was written so far. */
  get size(): number {
    return this.#sent + this.#filled;
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

  /** Writes what is left. The segments hold all bytes if there are parts, otherwise those of `newBytes`. */
  async complete(): Promise<readonly Segment[]> {
    if (this.hasParts) {
      if (this.#filled > 0) await this.#sendPart();
      await this.#completeObject();
    } else {
      const segment = { name: this.#origin.name, size: this.#filled - this.#start };
      // Noted first, so that it is deleted if it is unknown whether it was written.
      this.#completed.push(segment);
      await this.#bucket.put(this.#keys.data(segment.name), this.newBytes());
    }
    return this.#completed;
  }

  /** Deletes what was written, unless the session may name it. */
  async abandon(): Promise<void> {
    if (this.isNamed) return;
    await Promise.all(this.#onTheirWay);
    const upload = await this.#object?.upload.catch(() => undefined);
    if (upload) await this.#multipart.abort(upload);
    for (const { name } of this.#completed) await this.#bucket.remove(this.#keys.data(name));
  }

  async #completeObject(): Promise<void> {
    const object = this.#object;
    if (!object) return;
    await Promise.all(this.#onTheirWay);
    this.#throwFailure();
    this.#object = undefined;
    const { name, size } = object;
    this.#completed.push({ name, size });
    if (await this.#completeParts(object)) return;
    if ((await this.#bucket.head(this.#keys.data(name)))?.size !== size)
      throw new S3UnavailableError(`the object store did not complete the object ${this.#keys.data(name)}`);
  }

  /** False if it is unknown whether the object was made. */
  async #completeParts({ upload, parts, name }: OpenObject): Promise<boolean> {
    try {
      const inOrder = parts.toSorted((a, b) => a.number - b.number);
      const outcome = await this.#multipart.complete(await upload, inOrder);
      if (outcome.kind === "gone") throw new SegmentGoneError(`the parts of ${name} are gone`);
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
    if (!this.hasParts) await this.#loadBefore();
    if (this.#object?.count === (this.#origin.maxParts ?? MAX_PARTS)) await this.#completeObject();
    this.#object ??= this.#openObject();
    const object = this.#object;
    await object.upload;
    const [buffer, length] = [this.#buffer, this.#filled];
    object.count++;
    object.size += length;
    this.#sent += length;
    this.#filled = 0;
    const sending = this.#put(object, object.count, buffer.subarray(0, length)).finally(() => {
      this.#onTheirWay.delete(sending);
      this.#free.push(buffer);
    });
    this.#onTheirWay.add(sending);
    while (this.#onTheirWay.size > MAX_ON_THEIR_WAY) await Promise.race(this.#onTheirWay);
    this.#throwFailure();
    this.#buffer = this.#free.pop() ?? new Uint8Array(PART_BYTES);
  }

  #openObject(): OpenObject {
    const name = [this.#origin.name, ...(this.#completed.length > 0 ? [this.#completed.length] : [])].join(
      "-",
    );
    return { name, upload: this.#multipart.start(this.#keys.data(name)), parts: [], count: 0, size: 0 };
  }

  /** Never rejects: what fails is thrown by the next call. */
  async #put({ upload, parts, name }: OpenObject, number: number, bytes: Bytes): Promise<void> {
    try {
      const part = await this.#multipart.putPart(await upload, number, bytes);
      if (!part) throw new SegmentGoneError(`the parts of ${name} are gone`);
      parts.push(part);
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
