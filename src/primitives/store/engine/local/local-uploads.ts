import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { LruCache } from "../../../bounds/lru-cache.ts";
import {
  DIGEST_ALGORITHMS,
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  finishDigest,
} from "../../../digest.ts";
import { syncDirectory, syncFileData } from "../../../fs/durable.ts";
import { hashFile, isMissingFile } from "../../../fs/files.ts";
import { SessionCounts } from "../../blobs/session-counts.ts";
import { expiryAgeMs } from "../upload-age.ts";
import { parseUploadId, scopeHash, type UploadId } from "../upload-id.ts";
import type {
  AppendOutcome,
  ExpiryOptions,
  SessionCounter,
  SessionLimit,
  SessionOwner,
  Upload,
  UploadEnd,
  UploadLocks,
  UploadStore,
} from "../uploads.ts";
import type { LocalBlobs } from "./local-blobs.ts";
import { writeStream } from "./upload-stream.ts";

/** Running hash states kept at the most; a session without one is hashed again from its file. */
const MAX_HASHERS = 1024;

interface RunningHash {
  readonly algorithm: DigestAlgorithm;
  readonly hasher: Bun.CryptoHasher;
  /** Bytes hashed so far; of use only while it equals the size of the file. */
  readonly offset: number;
}

/** `<id>.<algorithm>.<scope>`, the scope by its hash. */
const FILE_NAME = /^([0-9a-f-]{36})\.(sha256|sha512)\.([0-9a-f]{16})$/;

/** Of an owner with too many sessions, those give way that nobody wrote to for so long. */
const EVICTED_AFTER_MS = 60 * 60 * 1000;
/** Looking for them costs a look at every session; not more often than that. */
const EVICTION_PAUSE_MS = 10_000;
const NOBODY: SessionOwner = { user: undefined, network: "" };

/** While a body arrives, the thread looks this often whether its session still exists. */
const LOOK_MS = 500;
class SessionGone extends Error {}

/** Upload sessions as files. A session is cancelled by removing its file, whichever thread writes to it. */
export class LocalUploads implements UploadStore {
  readonly #dir: string;
  readonly #blobs: LocalBlobs;
  readonly #hashes = new LruCache<UploadId, RunningHash>(MAX_HASHERS);
  readonly #locks: UploadLocks;
  readonly #admit: () => void;
  readonly #sessions: SessionCounter;
  #evicted = Number.NEGATIVE_INFINITY;

  /** `admit` throws where there is no room on the disk for anything new. */
  constructor(
    dir: string,
    blobs: LocalBlobs,
    locks: UploadLocks,
    admit: () => void = () => undefined,
    sessions: SessionCounter = new SessionCounts(),
  ) {
    this.#sessions = sessions;
    mkdirSync(dir, { recursive: true });
    this.#admit = admit;
    this.#dir = dir;
    this.#blobs = blobs;
    this.#locks = locks;
  }

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
      closeSync(openSync(this.#path({ id, scope: scopeHash(scope), algorithm }), "wx", 0o600));
    } catch (error) {
      this.#sessions.end(id);
      throw error;
    }
    return id;
  }

  async find(id: UploadId, scope: string): Promise<Upload | undefined> {
    const hash = scopeHash(scope);
    for (const algorithm of DIGEST_ALGORITHMS) {
      const size = statSync(this.#path({ id, scope: hash, algorithm }), { throwIfNoEntry: false })?.size;
      if (size !== undefined) return { id, scope: hash, algorithm, size };
    }
    return undefined;
  }

  path(upload: Upload): string {
    return this.#path(upload);
  }

  async list(): Promise<readonly Pick<Upload, "id" | "scope" | "size">[]> {
    return readdirSync(this.#dir).flatMap((name) => {
      const [, text = "", , scope = ""] = name.match(FILE_NAME) ?? [];
      const id = parseUploadId(text);
      const size = id && statSync(`${this.#dir}/${name}`, { throwIfNoEntry: false })?.size;
      return id === undefined || size === undefined ? [] : [{ id, scope, size }];
    });
  }

  async exclusively<T>(id: UploadId, work: () => Promise<T>): Promise<T | "busy"> {
    if (!(await this.#locks.acquire(id))) return "busy";
    try {
      return await work();
    } finally {
      await this.#locks.release(id);
    }
  }

  async append(upload: Upload, body: AsyncIterable<Uint8Array>, isLast = false): Promise<AppendOutcome> {
    const { id, algorithm, size: start } = upload;
    const path = this.#path(upload);
    const fd = openIfPresent(path);
    if (fd === undefined) return { kind: "cancelled" };
    try {
      const hasher = this.#takeHasher(id, start, algorithm);
      const checks = { admit: this.#admit, onChunk: lookNowAndThen(path) };
      const { size, whole } = await writeStream(fd, body, start, hasher, checks);
      if (!existsSync(path)) return { kind: "cancelled" };
      if (hasher) this.#hashes.set(id, { algorithm, hasher, offset: size });
      if (size > start) {
        await syncFileData(fd);
        if (!isLast || !whole) await syncDirectory(this.#dir);
      }
      return whole ? { kind: "appended", size } : { kind: "interrupted" };
    } catch (error) {
      if (error instanceof SessionGone) return { kind: "cancelled" };
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

  async finish(upload: Upload, digest: Digest): Promise<UploadEnd> {
    const path = this.#path(upload);
    try {
      const end = await this.#place(upload, path, digest);
      // Whoever cancels it empties it, perhaps while it is hashed.
      return end.kind === "mismatch" && !existsSync(path) ? { kind: "cancelled" } : end;
    } catch (error) {
      if (isMissingFile(error) && !existsSync(path)) return { kind: "cancelled" };
      throw error;
    }
  }

  async #place({ id, size }: Upload, path: string, digest: Digest): Promise<UploadEnd> {
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

  async rewind(upload: Upload): Promise<void> {
    const { id, size } = upload;
    const path = this.#path(upload);
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

  async cancel(upload: Upload): Promise<boolean> {
    return this.#remove(upload.id, this.#path(upload));
  }

  /** False if the session has ended meanwhile. */
  #remove(id: UploadId, path: string): boolean {
    this.#hashes.delete(id);
    // A request that still writes to the file would keep its bytes on the disk. It is emptied only once nothing can make a
    // blob of it.
    let fd: number | undefined;
    try {
      fd = openIfPresent(path);
    } catch {
      // Removing it is what counts; its room is then free once nobody has it open.
    }
    try {
      unlinkSync(path);
      if (fd !== undefined) ftruncateSync(fd);
    } catch (error) {
      if (isMissingFile(error)) return false;
      throw error;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
    this.#sessions.end(id);
    return true;
  }

  async expire(maxAgeMs: number, options: ExpiryOptions = {}): Promise<number> {
    const { concerns = () => true } = options;
    const now = Date.now();
    let removed = 0;
    for (const name of readdirSync(this.#dir)) {
      const id = parseUploadId(name.match(FILE_NAME)?.[1] ?? "");
      const path = `${this.#dir}/${name}`;
      const stat = id && concerns(id) ? statSync(path, { throwIfNoEntry: false }) : undefined;
      if (!id || !stat) continue;
      const ageMs = expiryAgeMs({ id, size: stat.size }, maxAgeMs, options);
      // The time of day may have been set forward.
      if (stat.mtimeMs >= now - ageMs || this.#locks.wasHeldWithin?.(ageMs, id)) continue;
      const outcome = await this.exclusively(id, async () => this.#remove(id, path));
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

  #path({ id, scope, algorithm }: Omit<Upload, "size">): string {
    return `${this.#dir}/${id}.${algorithm}.${scope}`;
  }
}

function openIfPresent(path: string): number | undefined {
  try {
    return openSync(path, "r+");
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
}

/** Throws `SessionGone` if the file is no longer there. It looks rarely: most bodies arrive before it would. */
function lookNowAndThen(path: string): () => void {
  let looked = performance.now();
  return () => {
    const now = performance.now();
    if (now - looked < LOOK_MS) return;
    looked = now;
    if (!existsSync(path)) throw new SessionGone("another request has cancelled the session");
  };
}
