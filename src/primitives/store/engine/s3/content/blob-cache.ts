import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { readdir, stat, unlink } from "node:fs/promises";
import { LruCache } from "../../../../bounds/lru-cache.ts";
import {
  DIGEST_ALGORITHMS,
  type Digest,
  digestAlgorithm,
  digestHex,
  digestOf,
  finishDigest,
  parseDigest,
} from "../../../../digest.ts";
import { ExpectedError, messageOf } from "../../../../expected-error.ts";
import { hashFile, isMissingFile } from "../../../../fs/files.ts";
import { nextTurn } from "../../../../jobs/next-turn.ts";
import { CacheCounts } from "../../../../s3/cache-counts.ts";
import type { FileLock } from "../../../../sqlite/file-lock.ts";
import type { BlobRange, OpenBlob } from "../../blobs.ts";
import { lockCache } from "./cache-lock.ts";

export interface BlobCacheOptions {
  /** Only for this cache. */
  readonly dir: string;
  /** Of all files, in bytes. */
  readonly capacity: number;
  /** Memory of the `CacheCounts`, where several threads share the cache: the same for all of them. */
  readonly counts?: SharedArrayBuffer;
  /** Called with what kept a blob from being cached, such as a full disk. */
  readonly failed?: (error: unknown) => void;
}

export interface CachedBlob {
  readonly file: Blob;
  readonly size: number;
  readonly placed: Date;
}

/** A blob that was opened twice within this time is cached. */
const HOT_MS = 60 * 60 * 1000;
const MAX_REMEMBERED = 10_000;
const MAX_FILLING = 2;
const TEMPORARY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The largest blob that is cached, and what is deleted beyond what is needed, as shares of the capacity. */
const LARGEST_SHARE = 1 / 4;
const DELETED_SHARE = 1 / 10;
/** How exactly the time of the last use is known, in milliseconds. */
const USE_EXACTNESS_MS = 60_000;
/** A file that is used is hashed first up to this size (bytes), and beside its use beyond. */
const HASHED_FIRST_BYTES = 1024 * 1024;
/** Each file is hashed again after this time. */
const CHECK_EVERY_MS = 24 * 60 * 60 * 1000;

/**
 * Copies of blobs as files, which the kernel can send: `<algorithm>/<first two hex>/<hex>`. All stores and threads of a node
 * share them; several processes may not. A file has its name only once its bytes were hashed. The time of its last write tells
 * when it was used last. All of it may be deleted at any moment.
 */
export class BlobCache {
  readonly #options: BlobCacheOptions;
  readonly counts: CacheCounts;
  readonly #opened = new LruCache<Digest, number>(MAX_REMEMBERED);
  readonly #checked = new LruCache<Digest, number>(MAX_REMEMBERED);
  readonly #filling = new Map<Digest, Promise<void>>();
  /** Held until the process ends. */
  readonly #locks: FileLock[] = [];

  constructor(options: BlobCacheOptions) {
    this.#options = options;
    this.counts = new CacheCounts(options.counts);
    try {
      makeDirectories(options.dir);
    } catch (cause) {
      throw new ExpectedError(`the cache directory ${options.dir} can't be used: ${messageOf(cause)}`, {
        kind: "unusable",
        cause,
      });
    }
  }

  /** Bytes of all files, and of those that are being filled. */
  get used(): number {
    return this.counts.used;
  }

  /**
   * To be called once by the process, before it uses the cache: locks it until the process ends, counts what is there, and
   * deletes what a kill has left. Rejects with `ExpectedError` if another process uses it.
   */
  async measure(): Promise<void> {
    this.#locks.push(lockCache(this.#options.dir));
    for (const name of await readdir(this.#fillingDir))
      if (TEMPORARY.test(name)) await removeIfPresent(`${this.#fillingDir}/${name}`);
    const files = await this.#files();
    this.counts.setUsed(files.reduce((sum, { size }) => sum + size, 0));
    await this.#makeRoom();
  }

  get(digest: Digest): CachedBlob | undefined {
    const path = this.#path(digest);
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found || !this.#isSound(digest, path, found.size)) return undefined;
    const now = new Date();
    if (now.getTime() - found.mtimeMs > USE_EXACTNESS_MS) touch(path, now);
    return { file: Bun.file(path), size: found.size, placed: found.mtime };
  }

  /** Called when a blob is opened that is not here; `open` gives its bytes. It is filled beside the use if it is hot. */
  opened(digest: Digest, size: number, open: () => ReadableStream<Uint8Array>): void {
    this.counts.missed();
    const before = this.#opened.get(digest);
    const now = performance.now();
    this.#opened.set(digest, now);
    const isHot = before !== undefined && now - before < HOT_MS;
    if (!isHot || this.#filling.has(digest) || this.#filling.size >= MAX_FILLING) return;
    if (size > this.#options.capacity * LARGEST_SHARE) return;
    const filling = this.#fill(digest, size, open)
      .catch((error: unknown) => this.#options.failed?.(error))
      .finally(() => this.#filling.delete(digest));
    this.#filling.set(digest, filling);
  }

  remove(digest: Digest): void {
    const path = this.#path(digest);
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined) return;
    try {
      unlinkSync(path);
      this.#add(-size);
    } catch (error) {
      // Another thread has deleted it.
      if (!isMissingFile(error)) throw error;
    }
  }

  /** Resolves when nothing is being filled. */
  async idle(): Promise<void> {
    await Promise.all(this.#filling.values());
  }

  async #fill(digest: Digest, size: number, open: () => ReadableStream<Uint8Array>): Promise<void> {
    this.#add(size);
    let isFilled = false;
    const temporary = `${this.#fillingDir}/${crypto.randomUUID()}`;
    try {
      await this.#makeRoom();
      if (this.used > this.#options.capacity) return;
      if ((await this.#write(temporary, open())) !== size) return;
      const hasher = await hashFile(temporary, digestAlgorithm(digest));
      if (finishDigest(digestAlgorithm(digest), hasher) !== digest) return;
      // Another thread may have filled it as well.
      this.remove(digest);
      renameSync(temporary, this.#path(digest));
      this.#checked.set(digest, performance.now());
      isFilled = true;
    } finally {
      if (!isFilled) {
        this.#add(-size);
        rmSync(temporary, { force: true });
      }
    }
  }

  /** Returns how many bytes came. */
  async #write(path: string, stream: ReadableStream<Uint8Array>): Promise<number> {
    const fd = openSync(path, "wx", 0o600);
    let size = 0;
    try {
      for await (const chunk of stream) {
        for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
        size += chunk.length;
      }
    } finally {
      closeSync(fd);
    }
    return size;
  }

  /** Deletes files that were not used for the longest, if all together are more than the capacity. */
  async #makeRoom(): Promise<void> {
    const { capacity } = this.#options;
    if (this.used <= capacity) return;
    const goal = capacity * (1 - DELETED_SHARE);
    const files = (await this.#files()).sort((a, b) => a.mtimeMs - b.mtimeMs);
    for (const { path, size } of files) {
      if (this.used <= goal) return;
      if (await removeIfPresent(path)) this.#add(-size);
    }
  }

  async #files(): Promise<{ path: string; size: number; mtimeMs: number }[]> {
    const found = [];
    for (const algorithm of DIGEST_ALGORITHMS) {
      for (let i = 0; i < 256; i++) {
        const dir = `${this.#options.dir}/${algorithm}/${i.toString(16).padStart(2, "0")}`;
        for (const name of await readdir(dir)) {
          // What is not ours is neither counted nor deleted.
          if (!parseDigest(`${algorithm}:${name}`)) continue;
          const path = `${dir}/${name}`;
          const file = await stat(path).catch(() => undefined);
          if (file) found.push({ path, size: file.size, mtimeMs: file.mtimeMs });
        }
        await nextTurn();
      }
    }
    return found;
  }

  /** Whether the file was hashed lately, as far as can be told without waiting; a damaged one is deleted. */
  #isSound(digest: Digest, path: string, size: number): boolean {
    const checked = this.#checked.get(digest);
    if (checked !== undefined && performance.now() - checked < CHECK_EVERY_MS) return true;
    this.#checked.set(digest, performance.now());
    const algorithm = digestAlgorithm(digest);
    if (size <= HASHED_FIRST_BYTES) {
      try {
        if (digestOf(readFileSync(path), algorithm) === digest) return true;
      } catch (error) {
        if (!isMissingFile(error)) throw error;
      }
      this.remove(digest);
      return false;
    }
    void hashFile(path, algorithm, { step: () => nextTurn() })
      .then((hasher) => {
        if (finishDigest(algorithm, hasher) !== digest) this.remove(digest);
      })
      // It was deleted meanwhile.
      .catch(() => undefined);
    return true;
  }

  #add(bytes: number): void {
    this.counts.addUsed(bytes);
  }

  get #fillingDir(): string {
    return `${this.#options.dir}/filling`;
  }

  #path(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.#options.dir}/${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}`;
  }
}

function makeDirectories(dir: string): void {
  const last = `${dir}/filling`;
  if (existsSync(last)) return;
  for (const algorithm of DIGEST_ALGORITHMS)
    for (let i = 0; i < 256; i++)
      mkdirSync(`${dir}/${algorithm}/${i.toString(16).padStart(2, "0")}`, { recursive: true, mode: 0o700 });
  mkdirSync(last, { mode: 0o700 });
}

/** False if there is no such file. */
async function removeIfPresent(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isMissingFile(error)) return false;
    throw error;
  }
}

function touch(path: string, now: Date): void {
  try {
    utimesSync(path, now, now);
  } catch {
    // It is only used less long than it could be.
  }
}

export function openCached({ file, size, placed }: CachedBlob): OpenBlob {
  const stream = (range?: BlobRange) =>
    (range ? file.slice(range.first, range.last + 1) : file).stream() as ReadableStream<
      Uint8Array<ArrayBuffer>
    >;
  return { size, isSealed: true, isGuarded: true, placed, file, stream };
}
