import { LruCache } from "../../../../bounds/lru-cache.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UnavailableError } from "../../../../s3/s3-errors.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { StoredPack } from "./checkpoint.ts";
import type { LogKeys } from "./log-keys.ts";

/** The pack, or its index, is not in the object store any more: a newer checkpoint has its objects elsewhere. */
export class PackGoneError extends Error {
  override readonly name = "PackGoneError";
  /** Whether this node is done with the pack, which may still be there. */
  readonly isClosed: boolean;

  constructor(message: string, isClosed = false) {
    super(message);
    this.isClosed = isClosed;
  }
}

/** What an error means where no newer checkpoint has the objects elsewhere. */
export function lasting(error: unknown): unknown {
  return error instanceof PackGoneError && !error.isClosed
    ? new CorruptObjectError("the log in the object store", error.message)
    : error;
}

/** Bytes that are read at once, and kept in all. */
const PIECE_BYTES = 256 * 1024;
const CACHE_BYTES = 32 * 1024 * 1024;

/** Pieces of packs in the object store, of which those that were read last are in memory. */
export class PackPieces {
  readonly #bucket: S3Bucket;
  readonly #keys: LogKeys;
  readonly #cache = new LruCache<string, Promise<Uint8Array<ArrayBuffer>>>(CACHE_BYTES);

  constructor(bucket: S3Bucket, keys: LogKeys) {
    this.#bucket = bucket;
    this.#keys = keys;
  }

  /** Bytes of a pack that lie within it. */
  async read(pack: StoredPack, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const first = Math.floor(offset / PIECE_BYTES);
    const last = Math.floor((offset + Math.max(length, 1) - 1) / PIECE_BYTES);
    const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const pieces = await Promise.all(numbers.map((number) => this.#piece(pack, number)));
    const [only] = pieces;
    const all = pieces.length === 1 && only ? only : new Uint8Array(Buffer.concat(pieces));
    const at = offset - first * PIECE_BYTES;
    return all.subarray(at, at + length);
  }

  #piece(pack: StoredPack, number: number): Promise<Uint8Array<ArrayBuffer>> {
    const name = `${pack.name} ${number}`;
    const cached = this.#cache.get(name);
    if (cached !== undefined) return cached;
    const piece = this.#fetch(pack, number).catch((error) => {
      this.#cache.delete(name);
      throw error;
    });
    this.#cache.set(name, piece, PIECE_BYTES);
    return piece;
  }

  async #fetch({ name, bytes }: StoredPack, number: number): Promise<Uint8Array<ArrayBuffer>> {
    const first = number * PIECE_BYTES;
    const range = { first, last: Math.min(first + PIECE_BYTES, bytes) - 1 };
    const key = this.#keys.pack(name, "pack");
    const read = await this.#bucket.read(key, range);
    if (!read) throw new PackGoneError(`${key} is gone`);
    if (read.bytes.length !== range.last - range.first + 1)
      throw new S3UnavailableError(`the object store sends ${read.bytes.length} bytes of ${key}`);
    return read.bytes;
  }
}
