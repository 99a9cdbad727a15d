import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { LruCache } from "../../bounds/lru-cache.ts";
import {
  DIGEST_ALGORITHMS,
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  finishDigest,
} from "../../digest.ts";
import { syncDirectory, syncFileData } from "../../fs/durable.ts";
import { hashFile, isMissingFile } from "../../fs/files.ts";
import { type MonotonicClock, monotonicMs } from "../../monotonic-clock.ts";
import type { BlobStore } from "./blob-store.ts";
import { SessionCounts, type SessionLimit, type SessionOwner } from "./session-counts.ts";
import { parseUploadId, type UploadId } from "./upload-id.ts";
import { writeStream } from "./upload-stream.ts";

/** A session that exists. */
export interface Upload {
  readonly id: UploadId;
  readonly path: string;
  /** What the bytes are hashed with as they arrive. */
  readonly algorithm: DigestAlgorithm;
  /** Bytes received so far. */
  readonly size: number;
}

export type FinishResult =
  /** `added`: bytes that are new to the blobs. */
  | { readonly kind: "stored"; readonly size: number; readonly added: number }
  | { readonly kind: "mismatch"; readonly actual: Digest };

export type AppendOutcome =
  | { readonly kind: "appended"; readonly size: number }
  | { readonly kind: "interrupted" };

/** Running hash states kept at the most; a session without one is hashed again from its file. */
const MAX_HASHERS = 1024;

interface RunningHash {
  readonly algorithm: DigestAlgorithm;
  readonly hasher: Bun.CryptoHasher;
  /** Bytes hashed so far; of use only while it equals the size of the file. */
  readonly offset: number;
}

/** Sees to it that one request at a time works on a session, whichever thread it reached. */
export interface UploadLocks {
  /** False if another request holds it. */
  acquire(id: UploadId): boolean | Promise<boolean>;
  /** Once it is over, the next request may acquire. */
  release(id: UploadId): void | Promise<void>;
  /** Whether a request worked on it within so many milliseconds. Only the owner of the locks knows. */
  wasHeldWithin?(ms: number, id: UploadId): boolean;
}

/** Sessions of which it is remembered when they were last worked on. */
const MAX_RELEASES = 10_000;

export class LocalUploadLocks implements UploadLocks {
  readonly #held = new Set<UploadId>();
  readonly #released = new LruCache<UploadId, number>(MAX_RELEASES);
  readonly #now: MonotonicClock;

  constructor(now: MonotonicClock = monotonicMs) {
    this.#now = now;
  }

  acquire(id: UploadId): boolean {
    if (this.#held.has(id)) return false;
    this.#held.add(id);
    return true;
  }

  release(id: UploadId): void {
    this.#held.delete(id);
    this.#released.set(id, this.#now());
  }

  isHeld(id: UploadId): boolean {
    return this.#held.has(id);
  }

  wasHeldWithin(ms: number, id: UploadId): boolean {
    const released = this.#released.get(id);
    return this.#held.has(id) || (released !== undefined && this.#now() - released < ms);
  }
}

/** `<id>.<algorithm>.<scope>`, the scope as the beginning of its SHA-256. */
const FILE_NAME = /^([0-9a-f-]{36})\.(sha256|sha512)\.([0-9a-f]{16})$/;
const SCOPE_HEX = 16;

/** Of an owner with too many sessions, those give way that nobody wrote to for so long. */
const EVICTED_AFTER_MS = 60 * 60 * 1000;
/** Looking for them costs a look at every session; not more often than that. */
const EVICTION_PAUSE_MS = 10_000;
const NOBODY: SessionOwner = { user: undefined, network: "" };

interface ExpiryOptions {
  /** For sessions that hold nothing. */
  readonly emptyAfterMs?: number;
  /** Which sessions are looked at. */
  readonly concerns?: (id: UploadId) => boolean;
}

/** Upload sessions as files, so that they outlive a connection, a thread and a restart. */
export class UploadStore {
  readonly #dir: string;
  readonly #blobs: BlobStore;
  readonly #hashes = new LruCache<UploadId, RunningHash>(MAX_HASHERS);
  readonly #locks: UploadLocks;
  readonly #admit: () => void;
  readonly #sessions: SessionCounts;
  #evicted = Number.NEGATIVE_INFINITY;

  /** `admit` throws where there is no room on the disk for anything new. */
  constructor(
    dir: string,
    blobs: BlobStore,
    locks: UploadLocks,
    admit: () => void = () => undefined,
    sessions = new SessionCounts(),
  ) {
    this.#sessions = sessions;
    mkdirSync(dir, { recursive: true });
    this.#admit = admit;
    this.#dir = dir;
    this.#blobs = blobs;
    this.#locks = locks;
  }

  /** A new session, unless its owner has too many; those that rest give way first. */
  async create(
    scope: string,
    algorithm: DigestAlgorithm,
    owner: SessionOwner = NOBODY,
  ): Promise<UploadId | SessionLimit> {
    this.#admit();
    let id = this.#sessions.begin(owner);
    if (typeof id !== "string" && (await this.#evict(owner))) id = this.#sessions.begin(owner);
    if (typeof id !== "string") return id;
    try {
      closeSync(openSync(this.#path(id, scope, algorithm), "wx", 0o600));
    } catch (error) {
      this.#sessions.end(id);
      throw error;
    }
    return id;
  }

  /** `undefined` if this scope has no such session. */
  find(id: UploadId, scope: string): Upload | undefined {
    for (const algorithm of DIGEST_ALGORITHMS) {
      const path = this.#path(id, scope, algorithm);
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      if (size !== undefined) return { id, path, algorithm, size };
    }
    return undefined;
  }

  /** The sessions that there are, each with the hash of its scope. */
  list(): { readonly id: UploadId; readonly scope: string; readonly size: number }[] {
    return readdirSync(this.#dir).flatMap((name) => {
      const [, text = "", , scope = ""] = name.match(FILE_NAME) ?? [];
      const id = parseUploadId(text);
      const size = id && statSync(`${this.#dir}/${name}`, { throwIfNoEntry: false })?.size;
      return id === undefined || size === undefined ? [] : [{ id, scope, size }];
    });
  }

  /** Runs `work` unless another request is working on the same session. */
  async exclusively<T>(id: UploadId, work: () => Promise<T>): Promise<T | "busy"> {
    if (!(await this.#locks.acquire(id))) return "busy";
    try {
      return await work();
    } finally {
      await this.#locks.release(id);
    }
  }

  /**
   * Appends a body while hashing it. Answers once the bytes are durable; the last ones, which `finish` follows at once,
   * need not be found after a power cut as an upload. When the body breaks off, what arrived is kept, for the client to
   * resume from.
   */
  async append(
    { id, path, algorithm, size: start }: Upload,
    body: AsyncIterable<Uint8Array>,
    isLast = false,
  ): Promise<AppendOutcome> {
    const fd = openSync(path, "r+");
    try {
      const hasher = this.#takeHasher(id, start, algorithm);
      const { size, whole } = await writeStream(fd, body, start, hasher, this.#admit);
      if (hasher) this.#hashes.set(id, { algorithm, hasher, offset: size });
      if (size > start) {
        await syncFileData(fd);
        if (!isLast || !whole) await syncDirectory(this.#dir);
      }
      return whole ? { kind: "appended", size } : { kind: "interrupted" };
    } catch (error) {
      // The session ends where it was last acknowledged, for the client to resume from; and what arrived since would keep
      // a full disk full.
      this.#hashes.delete(id);
      try {
        ftruncateSync(fd, start);
      } catch {
        // Why the bytes could not be stored is what counts; a session that is too long fails by its digest.
      }
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** Turns a session into a blob if its bytes have that digest; otherwise the session stays as it is. */
  async finish({ id, path, size }: Upload, digest: Digest): Promise<FinishResult> {
    const algorithm = digestAlgorithm(digest);
    const known = this.#hashes.get(id);
    const hasher =
      known?.algorithm === algorithm && known.offset === size
        ? known.hasher.copy()
        : await hashFile(path, algorithm);
    const actual = finishDigest(algorithm, hasher);
    if (actual !== digest) return { kind: "mismatch", actual };
    const isNew = await this.#blobs.place(digest, path);
    this.#hashes.delete(id);
    this.#sessions.end(id);
    return { kind: "stored", size, added: isNew ? size : 0 };
  }

  /** Takes back what was appended since the session was found, after a failure to finish it. */
  rewind({ id, path, size }: Upload): void {
    this.#hashes.delete(id);
    try {
      truncateSync(path, size);
      // Placing it may have begun, which gives it the time of a blob.
      const now = new Date();
      utimesSync(path, now, now);
    } catch (error) {
      // It has become a blob, which was not acknowledged, so the client pushes it again.
      if (!isMissingFile(error)) throw error;
    }
  }

  cancel({ id, path }: Pick<Upload, "id" | "path">): void {
    this.#hashes.delete(id);
    try {
      unlinkSync(path);
    } catch (error) {
      if (isMissingFile(error)) return;
      throw error;
    }
    this.#sessions.end(id);
  }

  /**
   * Removes sessions that nobody wrote to for `maxAgeMs`, empty ones sooner and only those that `concerns` is true of, and
   * answers how many.
   */
  async expire(
    maxAgeMs: number,
    { emptyAfterMs = maxAgeMs, concerns = () => true }: ExpiryOptions = {},
  ): Promise<number> {
    const now = Date.now();
    let removed = 0;
    for (const name of readdirSync(this.#dir)) {
      const id = parseUploadId(name.match(FILE_NAME)?.[1] ?? "");
      const path = `${this.#dir}/${name}`;
      const stat = id && concerns(id) ? statSync(path, { throwIfNoEntry: false }) : undefined;
      if (!id || !stat) continue;
      const ageMs = stat.size === 0 ? Math.min(maxAgeMs, emptyAfterMs) : maxAgeMs;
      // The time of day may have been set forward.
      if (stat.mtimeMs >= now - ageMs || this.#locks.wasHeldWithin?.(ageMs, id)) continue;
      const outcome = await this.exclusively(id, async () => this.cancel({ id, path }));
      if (outcome !== "busy") removed++;
    }
    return removed;
  }

  /** Removes sessions of an owner who has too many, as far as they rest; false if none did, or it was tried just now. */
  async #evict(owner: SessionOwner): Promise<boolean> {
    if (performance.now() - this.#evicted < EVICTION_PAUSE_MS) return false;
    this.#evicted = performance.now();
    const removed = await this.expire(EVICTED_AFTER_MS, {
      concerns: (id) => this.#sessions.isOf(owner, id),
    });
    return removed > 0;
  }

  /** The running hash of what is there, if it is known; it is given away, so that a failure leaves none behind. */
  #takeHasher(id: UploadId, offset: number, algorithm: DigestAlgorithm): Bun.CryptoHasher | undefined {
    const known = this.#hashes.get(id);
    this.#hashes.delete(id);
    if (offset === 0) return new Bun.CryptoHasher(algorithm);
    return known?.offset === offset && known.algorithm === algorithm ? known.hasher : undefined;
  }

  #path(id: UploadId, scope: string, algorithm: DigestAlgorithm): string {
    return `${this.#dir}/${id}.${algorithm}.${scopeHash(scope)}`;
  }
}

/** What a session's file says of its scope. */
export function scopeHash(scope: string): string {
  return new Bun.CryptoHasher("sha256").update(scope).digest("hex").slice(0, SCOPE_HEX);
}
