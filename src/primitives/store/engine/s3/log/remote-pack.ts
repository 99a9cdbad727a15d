import { closeSync, existsSync, openSync, readSync, renameSync } from "node:fs";
import { removeQuietly } from "../../../../fs/durable.ts";
import { inTurns, sha256Steps } from "../../../../jobs/in-turns.ts";
import { streamOf } from "../../../../s3/response-body.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError, type GitObject } from "../../../git/object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdToBytes } from "../../../git/object-id.ts";
import { decodeEntry, decodeEntryHeader, type EncodedEntry } from "../../../git/pack.ts";
import { PackIndex } from "../../../packs/pack-index.ts";
import type { StoredPack } from "./checkpoint.ts";
import type { LogKeys } from "./log-keys.ts";
import { PackGoneError, type PackPieces } from "./pack-pieces.ts";

/** Read at once of an entry: its header, and the whole of most objects. */
const FIRST_BYTES = 512;
/** Pieces that are read of a pack before it is fetched whole. */
const MAX_PIECES = 16;
/** Entries in one step. */
const STEP_ENTRIES = 4000;
const WRONG_SUM = "its content does not match the checksum at its end";
/** The longest that data is in a pack; see `PackFile`. */
const deflateBound = (size: number) => size + Math.ceil(size / 8) + Math.ceil(size / 128) + 64;

export interface RemotePackOptions {
  readonly bucket: S3Bucket;
  readonly keys: LogKeys;
  /** The directory of cached files. */
  readonly dir: string;
  readonly pieces: PackPieces;
  /** Whether a pack of so many bytes may be kept whole in the directory. */
  readonly mayKeep: (bytes: number) => boolean;
  /** Called when it is no longer kept. */
  readonly dropped: (bytes: number) => void;
}

/** A pack in the object store. Its index is fetched when it is first needed; its data by pieces, or whole if many are needed. */
export class RemotePack {
  readonly stored: StoredPack;
  readonly #options: RemotePackOptions;
  #index: Promise<PackIndex> | undefined;
  #file: number | undefined;
  #fetching: Promise<void> | undefined;
  #pieces = 0;
  #isKept = false;
  #isClosed = false;

  constructor(stored: StoredPack, options: RemotePackOptions) {
    this.stored = stored;
    this.#options = options;
  }

  async has(id: ObjectId): Promise<boolean> {
    return (await this.#offsetOf(id)) !== undefined;
  }

  async get(id: ObjectId): Promise<GitObject | undefined> {
    const offset = await this.#offsetOf(id);
    if (offset === undefined) return undefined;
    const first = await this.#bytes(offset, FIRST_BYTES);
    const header = decodeEntryHeader(first);
    if (!header) throw new CorruptObjectError(this.stored.name, `the entry at ${offset} has no header`);
    const length = header.dataAt + deflateBound(header.size);
    const bytes = length <= first.length ? first : await this.#bytes(offset, length);
    return decodeEntry({ id, bytes });
  }

  /** See `PackIndex`. */
  async idPages(): Promise<Iterable<readonly ObjectId[]>> {
    const index = await this.#openIndex();
    if (this.#isClosed) throw new PackGoneError(`the pack ${this.stored.name} is closed`);
    return index.idPages();
  }

  /** Every entry, in the order in which they lie. */
  async entries(): Promise<EncodedEntry[]> {
    const key = this.#options.keys.pack(this.stored.name, "pack");
    const [index, pack] = await Promise.all([this.#openIndex(), this.#options.bucket.read(key)]);
    if (!pack || this.#isClosed) throw new PackGoneError(`${key} is gone`, this.#isClosed);
    const end = pack.bytes.length - OBJECT_ID_BYTES;
    const sum = await inTurns(sha256Steps(pack.bytes.subarray(0, end)));
    if (Buffer.compare(sum, pack.bytes.subarray(end)) !== 0) throw new CorruptObjectError(key, WRONG_SUM);
    return inTurns(entriesOf(index, pack.bytes.subarray(0, end)));
  }

  /** What is wrong with the pack, as a line. */
  async problem(): Promise<string | undefined> {
    try {
      const count = (await this.entries()).length;
      return count === this.stored.objects ? undefined : `${this.stored.name}: it has ${count} objects`;
    } catch (error) {
      if (error instanceof CorruptObjectError || error instanceof PackGoneError) return error.message;
      throw error;
    }
  }

  /** Closes the files and removes them, when the pack is no longer part of the store. */
  async drop(): Promise<void> {
    await this.close();
    if (this.#isKept) this.#options.dropped(this.stored.bytes);
    for (const suffix of ["idx", "pack"]) removeQuietly(this.#path(suffix));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#fetching;
    (await this.#index?.catch(() => undefined))?.close();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  async #offsetOf(id: ObjectId): Promise<number | undefined> {
    const index = await this.#openIndex();
    if (this.#isClosed) throw new PackGoneError(`the pack ${this.stored.name} is closed`, true);
    return index.offsetOf(objectIdToBytes(id));
  }

  #openIndex(): Promise<PackIndex> {
    this.#index ??= this.#fetchIndex().catch((error) => {
      this.#index = undefined;
      throw error;
    });
    return this.#index;
  }

  async #fetchIndex(): Promise<PackIndex> {
    const path = this.#path("idx");
    await this.#fetch("idx", path);
    return new PackIndex(path);
  }

  /** Brings a file to the directory, whole or not at all, unless a sound one is there. */
  async #fetch(suffix: "idx" | "pack", path: string): Promise<void> {
    const key = this.#options.keys.pack(this.stored.name, suffix);
    if (existsSync(path) && (await isSound(path))) return;
    const opened = await this.#options.bucket.open(key);
    if (!opened) throw new PackGoneError(`${key} is gone`);
    const temporary = `${path}.${crypto.randomUUID()}`;
    try {
      const written = await Bun.write(temporary, new Response(streamOf(opened.reader)));
      if (written !== opened.size) throw new CorruptObjectError(key, "it broke off");
      if (!(await isSound(temporary))) throw new CorruptObjectError(key, WRONG_SUM);
      renameSync(temporary, path);
    } finally {
      removeQuietly(temporary);
    }
  }

  async #bytes(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const wanted = Math.max(0, Math.min(length, this.stored.bytes - OBJECT_ID_BYTES - offset));
    if (this.#file === undefined && ++this.#pieces > MAX_PIECES) this.#fetchWhole();
    if (this.#file !== undefined) {
      const buffer = new Uint8Array(wanted);
      return buffer.subarray(0, readSync(this.#file, buffer, 0, wanted, offset));
    }
    return this.#options.pieces.read(this.stored, offset, wanted);
  }

  /** In the background; pieces are read meanwhile. */
  #fetchWhole(): void {
    const path = this.#path("pack");
    if (this.#fetching || this.#isClosed) return;
    this.#isKept ||= this.#options.mayKeep(this.stored.bytes);
    if (!this.#isKept) return;
    this.#fetching = (async () => {
      await this.#fetch("pack", path);
      if (!this.#isClosed) this.#file = openSync(path, "r");
    })()
      .catch(() => undefined)
      .finally(() => {
        this.#fetching = undefined;
        this.#pieces = 0;
      });
  }

  #path(suffix: string): string {
    return `${this.#options.dir}/${this.stored.name}.${suffix}`;
  }
}

/** The entries of a pack without its checksum, in short steps. */
function* entriesOf(index: PackIndex, pack: Uint8Array): Generator<void, EncodedEntry[]> {
  const packed = yield* index.entrySteps();
  const entries: EncodedEntry[] = [];
  for (const [i, { id, offset }] of packed.entries()) {
    entries.push({ id, bytes: pack.subarray(offset, packed[i + 1]?.offset ?? pack.length) });
    if (i % STEP_ENTRIES === 0) yield;
  }
  return entries;
}

/** Packs and their indexes end with the SHA-256 of what comes before. */
async function isSound(path: string): Promise<boolean> {
  const file = Bun.file(path);
  const end = Math.max(file.size - OBJECT_ID_BYTES, 0);
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of file.slice(0, end).stream()) hasher.update(chunk);
  const sum = new Uint8Array(await file.slice(end).arrayBuffer());
  return Buffer.compare(hasher.digest(), sum) === 0;
}
