import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { applyDelta } from "../../git/delta.ts";
import { CorruptObjectError, type GitObject, type ObjectType } from "../../git/object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes } from "../../git/object-id.ts";
import { PACK_TYPE, type PackedEntry } from "../../git/pack.ts";
import { PackIndex } from "../../packs/pack-index.ts";

const TYPES = new Map<number, ObjectType>([
  [PACK_TYPE.commit, "commit"],
  [PACK_TYPE.tree, "tree"],
  [PACK_TYPE.blob, "blob"],
  [PACK_TYPE.tag, "tag"],
]);

/**
 * Read at once of an entry: more than the longest header, which is ten bytes of type and size and an object id or an offset,
 * and for most directories and tags their data as well.
 */
const FIRST_BYTES = 512;
/**
 * The longest that data is in a pack: where it does not compress, the codes that need no table take nine bits for a byte
 * (RFC 1951, section 3.2.6), as they do for most of a text in Chinese.
 */
const deflateBound = (size: number) => size + Math.ceil(size / 8) + Math.ceil(size / 128) + 64;

/** A pack's entry as it lies there: header and compressed data, `length` bytes from `offset`. */
export interface RawEntry extends PackedEntry {
  readonly length: number;
}

/** One `pack-*.pack` with its index, ours or stock git's, open for reading. */
export class PackFile {
  readonly size: number;
  readonly #index: PackIndex;
  readonly #fd: number;
  readonly #path: string;
  #hasDeltas: boolean | undefined;

  /** `stem` is the path without `.pack` or `.idx`; `hasDeltas` says what would else be looked for. */
  constructor(stem: string, hasDeltas?: boolean) {
    this.#hasDeltas = hasDeltas;
    this.#path = `${stem}.pack`;
    this.#fd = openSync(this.#path, "r");
    try {
      this.size = fstatSync(this.#fd).size;
      this.#index = new PackIndex(`${stem}.idx`);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  get count(): number {
    return this.#index.count;
  }

  has(id: Buffer): boolean {
    return this.#index.offsetOf(id) !== undefined;
  }

  /** The ids of all objects in their bytes, sorted; or of the first ones. */
  ids(count?: number): Buffer {
    return this.#index.ids(count);
  }

  /** See `PackIndex`. */
  idPages(): Iterable<readonly ObjectId[]> {
    return this.#index.idPages();
  }

  /** Whether any entry depends on another, as those may that stock git packs; ours never do. */
  hasDeltas(): boolean {
    this.#hasDeltas ??= this.#index.entries().some(({ offset }) => {
      const type = ((this.#bytes(offset, 1)[0] ?? 0) >> 4) & 0x07;
      return type === PACK_TYPE.offsetDelta || type === PACK_TYPE.refDelta;
    });
    return this.#hasDeltas;
  }

  /** Every entry, in the order in which they lie. */
  rawEntries(): RawEntry[] {
    const entries = this.#index.entries();
    const end = this.size - OBJECT_ID_BYTES;
    return entries.map((entry, i) => ({ ...entry, length: (entries[i + 1]?.offset ?? end) - entry.offset }));
  }

  /** Bytes as they lie in the pack. */
  readRaw(offset: number, length: number): Uint8Array {
    const bytes = this.#bytes(offset, length);
    if (bytes.length < length) throw new CorruptObjectError(this.#path, "it is cut off");
    return bytes;
  }

  /** `id` in its bytes. `resolve` finds the base of a delta that names it by id and lies in another pack. */
  get(id: Buffer, resolve: (id: ObjectId) => GitObject | undefined): GitObject | undefined {
    const offset = this.#index.offsetOf(id);
    return offset === undefined ? undefined : this.#readAt(offset, resolve);
  }

  close(): void {
    this.#index.close();
    closeSync(this.#fd);
  }

  #readAt(offset: number, resolve: (id: ObjectId) => GitObject | undefined): GitObject {
    const header = this.#bytes(offset, FIRST_BYTES);
    let at = 0;
    const byte = (): number => {
      const value = header[at++];
      if (value === undefined) throw new CorruptObjectError(this.#path, `the entry at ${offset} is cut off`);
      return value;
    };
    let next = byte();
    const type = (next >> 4) & 0x07;
    let size = next & 0x0f;
    for (let scale = 16; next >= 0x80; scale *= 128) {
      next = byte();
      size += (next & 0x7f) * scale;
    }

    const plain = TYPES.get(type);
    if (plain) return { type: plain, body: this.#inflate(offset + at, size, header.subarray(at)) };

    let base: GitObject | undefined;
    if (type === PACK_TYPE.offsetDelta) {
      next = byte();
      let distance = next & 0x7f;
      while (next >= 0x80) {
        next = byte();
        distance = (distance + 1) * 128 + (next & 0x7f);
      }
      base = this.#readAt(offset - distance, resolve);
    } else if (type === PACK_TYPE.refDelta) {
      const baseId = header.subarray(at, at + OBJECT_ID_BYTES);
      at += OBJECT_ID_BYTES;
      base = this.get(baseId, resolve) ?? resolve(objectIdFromBytes(baseId));
    }
    if (!base) throw new CorruptObjectError(this.#path, `the entry at ${offset} has no readable base`);
    const delta = this.#inflate(offset + at, size, header.subarray(at));
    return { type: base.type, body: applyDelta(base.body, delta) };
  }

  /** `first` are the first bytes from `offset`, already read. */
  #inflate(offset: number, size: number, first: Buffer<ArrayBuffer>): Uint8Array {
    const bound = deflateBound(size);
    const small = first.length < bound ? undefined : inflateSmall(first, size);
    if (small) return small;
    let body: Uint8Array;
    try {
      body = inflateSync(this.#bytes(offset, bound));
    } catch (cause) {
      throw new CorruptObjectError(this.#path, `the data at ${offset} does not inflate (${cause})`);
    }
    if (body.length !== size)
      throw new CorruptObjectError(this.#path, `the data at ${offset} has another size`);
    return body;
  }

  #bytes(offset: number, length: number): Buffer<ArrayBuffer> {
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - offset)));
    return buffer.subarray(0, readSync(this.#fd, buffer, 0, buffer.length, offset));
  }
}

/**
 * In a quarter of the time that node:zlib takes. `undefined` if it can't be inflated so: this does not always put up with
 * bytes behind the data.
 */
function inflateSmall(bytes: Buffer<ArrayBuffer>, size: number): Uint8Array | undefined {
  try {
    const body = Bun.inflateSync(bytes, { windowBits: 15 });
    return body.length === size ? body : undefined;
  } catch {
    return undefined;
  }
}
