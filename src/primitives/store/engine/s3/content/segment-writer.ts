import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UnavailableError, S3UncertainError } from "../../../../s3/s3-errors.ts";
import { MAX_PARTS, type MultipartUpload, S3Multipart } from "../../../../s3/s3-multipart.ts";
import type { UploadedPart } from "../../../../s3/s3-xml.ts";
import type { Segment } from "./blob-object.ts";
import type { ContentKeys } from "./content-keys.ts";
import { PART_BYTES, type PartMemory, type PartSlot } from "./part-memory.ts";

/** An upload has a part that fills and two that are on their way: about 30 MiB together, with the copies of the runtime. */
const MAX_ON_THEIR_WAY = 2;
/** Fewer bytes than these need no memory of `PartMemory`. */
const SMALL_BYTES = 64 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;
const EMPTY: Bytes = new Uint8Array();

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
  readonly tail: Bytes;
}

export interface SegmentWriterOptions {
  readonly bucket: S3Bucket;
  readonly keys: ContentKeys;
  readonly memory: PartMemory;
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

/**
 * Takes bytes and writes them to a data object: in one request if they are few, else in parts while they come in. Whoever makes
 * one calls `release` in the end.
 */
export class SegmentWriter {
  readonly #bucket: S3Bucket;
  readonly #multipart: S3Multipart;
  readonly #keys: ContentKeys;
  readonly #origin: SegmentOrigin;
  /** Bytes of `before`, for which the first buffer has room. */
  readonly #start: number;
  readonly #memory: PartMemory;
  /** The memory of the part that fills, once it has many bytes. */
  #slot: PartSlot | undefined;
  /** Of `#slot`, if there is one; without bytes until it is needed. */
  #buffer: Bytes = EMPTY;
  #filled: number;
  /** Objects that are complete. */
  readonly #completed: Segment[] = [];
  #object: OpenObject | undefined;
  /** Whether the session names what was written, or may name it: then it stays. */
  isNamed = false;
  /** Bytes of all parts. */
  #sent = 0;
  readonly #onTheirWay = new Set<Promise<void>>();
  #failure: unknown;

  constructor({ bucket, keys, memory }: SegmentWriterOptions, origin: SegmentOrigin) {
    this.#bucket = bucket;
    this.#memory = memory;
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
    if (this.#filled + chunk.length < (this.#slot ? PART_BYTES : SMALL_BYTES)) {
      this.#append(chunk);
      return undefined;
    }
    return this.#writeParts(chunk);
  }

  /** See `PartSlot`; `undefined` while the writer has none. */
  get asked(): PartSlot["asked"] | undefined {
    return this.#slot?.asked;
  }

  /** Gives the memory back. No bytes are in the writer from then on. */
  release(): void {
    this.#slot?.release();
    this.#slot = undefined;
    this.#buffer = EMPTY;
  }

  /** The tail and what was written, while there are no parts. */
  newBytes(): Bytes {
    if (this.#buffer.length === 0) return this.#origin.tail;
    return this.#buffer.subarray(this.#start, this.#filled);
  }

  /** All bytes, while there are no parts. */
  async bytes(): Promise<Bytes> {
    if (this.#start === 0) return this.newBytes();
    await this.#takeSlot();
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
      await this.#takeSlot();
      const part = chunk.subarray(at, at + PART_BYTES - this.#filled);
      this.#append(part);
      at += part.length;
      if (this.#filled === PART_BYTES) await this.#sendPart();
    }
  }

  #append(chunk: Uint8Array): void {
    if (this.#filled + chunk.length > this.#buffer.length) this.#useBuffer(new Uint8Array(SMALL_BYTES));
    this.#buffer.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  /** Resolves when the buffer has room for a whole part. */
  async #takeSlot(): Promise<void> {
    if (this.#slot) return;
    this.#slot = await this.#memory.take();
    this.#useBuffer(this.#slot.buffer);
  }

  #useBuffer(buffer: Bytes): void {
    if (this.#buffer.length > 0) buffer.set(this.#buffer.subarray(0, this.#filled));
    else if (this.#filled > 0) buffer.set(this.#origin.tail, this.#start);
    this.#buffer = buffer;
  }

  /** Sends the buffer, whose memory the part keeps while it is on its way; resolves when another one may fill. */
  async #sendPart(): Promise<void> {
    if (!this.hasParts) await this.#loadBefore();
    if (this.#object?.count === (this.#origin.maxParts ?? MAX_PARTS)) await this.#completeObject();
    this.#object ??= this.#openObject();
    const object = this.#object;
    await object.upload;
    const [slot, bytes] = [this.#slot, this.#buffer.subarray(0, this.#filled)];
    slot?.full();
    this.#slot = undefined;
    this.#buffer = EMPTY;
    object.count++;
    object.size += bytes.length;
    this.#sent += bytes.length;
    this.#filled = 0;
    const sending = this.#put(object, object.count, bytes).finally(() => {
      this.#onTheirWay.delete(sending);
      slot?.release();
    });
    this.#onTheirWay.add(sending);
    while (this.#onTheirWay.size > MAX_ON_THEIR_WAY) await Promise.race(this.#onTheirWay);
    this.#throwFailure();
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
    let at = 0;
    for (const { name, size } of this.#origin.before) {
      const read = await this.#bucket.read(this.#keys.data(name));
      if (!read || read.bytes.length < size) throw new SegmentGoneError(`the object ${name} is gone`);
      this.#buffer.set(read.bytes.subarray(0, size), at);
      at += size;
    }
  }
}
