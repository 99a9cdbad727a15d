import { messageOf } from "../../../../expected-error.ts";
import { within } from "../../../../jobs/within.ts";
import type { ByteRange, OpenedObject, S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UnavailableError } from "../../../../s3/s3-errors.ts";

/** A part of an object, not empty. */
export interface ObjectSlice {
  readonly key: string;
  readonly first: number;
  readonly last: number;
}

/** How often in a row the store may break off without a byte. */
const MAX_BREAKS = 3;
const PAUSE_MS = 100;
/** A connection on which no bytes come for so long (ms) counts as broken off. */
const STALLED_MS = 10_000;

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array<ArrayBuffer> | undefined }>;
  cancel(): Promise<void>;
}

/** The slices of `segments` (keys with sizes in bytes) that a range of the whole consists of; all of it without one. */
export function slicesOf(
  segments: readonly { readonly key: string; readonly size: number }[],
  range?: ByteRange,
): ObjectSlice[] {
  const slices: ObjectSlice[] = [];
  let begin = 0;
  for (const { key, size } of segments) {
    const first = Math.max((range?.first ?? 0) - begin, 0);
    const last = Math.min((range?.last ?? Number.MAX_SAFE_INTEGER) - begin, size - 1);
    if (first <= last) slices.push({ key, first, last });
    begin += size;
  }
  return slices;
}

/**
 * The bytes of slices one after the other. Nothing is read before it is asked for, and what the store breaks off is asked for
 * again from there on. Fails if an object is gone.
 */
export function segmentStream(
  bucket: S3Bucket,
  slices: readonly ObjectSlice[],
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = new SliceReader(bucket, slices);
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        const chunk = await source.next();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
      cancel: () => source.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** What is wrong with the objects that hold the segments: one that is missing, or has not as many bytes as it should. */
export async function faultOf(
  bucket: S3Bucket,
  segments: readonly { readonly key: string; readonly size: number }[],
): Promise<string | undefined> {
  for (const { key, size } of segments) {
    const object = await bucket.head(key);
    if (!object) return `${key} is missing`;
    if (object.size < size) return `${key} has ${object.size} bytes of ${size}`;
  }
  return undefined;
}

class SliceReader {
  readonly #bucket: S3Bucket;
  readonly #slices: ObjectSlice[];
  #reader: Reader | undefined;
  /** Bytes of the present slice that were read. */
  #at = 0;
  #breaks = 0;

  constructor(bucket: S3Bucket, slices: readonly ObjectSlice[]) {
    this.#bucket = bucket;
    this.#slices = [...slices];
  }

  /** `undefined` at the end. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      const [slice] = this.#slices;
      if (!slice) return undefined;
      const left = slice.last - slice.first + 1 - this.#at;
      if (left === 0) {
        await this.#leave();
        this.#slices.shift();
        this.#at = 0;
        continue;
      }
      const chunk = await this.#read(slice);
      if (!chunk || chunk.length === 0) continue;
      if (chunk.length > left)
        throw new S3UnavailableError(`the object store sends too many bytes of ${slice.key}`);
      this.#at += chunk.length;
      this.#breaks = 0;
      return chunk;
    }
  }

  async cancel(): Promise<void> {
    this.#slices.length = 0;
    await this.#leave();
  }

  /** `undefined` if the store broke off and is to be asked again. */
  async #read(slice: ObjectSlice): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { key, first, last } = slice;
    const range = { first: first + this.#at, last };
    try {
      this.#reader ??= readerOf(await this.#bucket.open(key, range), key);
      const { done, value } = await within(STALLED_MS, "no bytes come", this.#reader.read());
      if (!done) return value;
      throw new Error("the response is too short");
    } catch (error) {
      await this.#leave();
      if (error instanceof MissingObjectError) throw error;
      if (++this.#breaks > MAX_BREAKS)
        throw new S3UnavailableError(`the object store breaks off ${key}: ${messageOf(error)}`, {
          cause: error,
        });
      await Bun.sleep(PAUSE_MS * this.#breaks);
      return undefined;
    }
  }

  async #leave(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.cancel().catch(() => undefined);
  }
}

/** The object is gone, so asking again would not help. */
export class MissingObjectError extends S3UnavailableError {
  override readonly name = "MissingObjectError";
  constructor(key: string) {
    super(`the object store has no object ${key}`);
  }
}

function readerOf(opened: OpenedObject | undefined, key: string): Reader {
  if (!opened) throw new MissingObjectError(key);
  return opened.stream.getReader();
}
