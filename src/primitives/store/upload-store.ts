import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { noteReceived } from "../buffer-pressure.ts";
import { type Digest, type DigestAlgorithm, digestAlgorithm, finishDigest } from "../digest.ts";
import { LruCache } from "../lru-cache.ts";
import type { BlobStore } from "./blob-store.ts";
import { syncDirectory, syncFileData } from "./durable.ts";
import { isMissingFile, writeAll } from "./files.ts";

/** The id of an upload session: a UUID in its canonical form. */
export type UploadId = string & { readonly __brand: "UploadId" };

export function parseUploadId(text: string): UploadId | undefined {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? (text as UploadId) : undefined;
}

/** What is known of a session besides its bytes; kept as JSON beside them. */
interface UploadRecord {
  readonly scope: string;
  /** What the bytes are hashed with as they arrive. */
  readonly algorithm: DigestAlgorithm;
  readonly startedAt: string;
}

export type FinishResult =
  | { readonly kind: "stored"; readonly size: number }
  | { readonly kind: "mismatch"; readonly actual: Digest };

export type AppendOutcome =
  | { readonly kind: "appended"; readonly size: number }
  | { readonly kind: "interrupted" };

/** Running hash states kept at the most; a session without one is hashed again from its file. */
const MAX_HASHERS = 1024;
const REHASH_BUFFER_BYTES = 1 << 20;

interface RunningHash {
  readonly algorithm: DigestAlgorithm;
  readonly hasher: Bun.CryptoHasher;
  /** Bytes hashed so far; of use only while it equals the size of the file. */
  readonly offset: number;
}

/** Sees to it that one request at a time works on a session, whichever thread it reached. */
export interface UploadLocks {
  /** False if somebody else holds it. */
  acquire(id: UploadId): boolean | Promise<boolean>;
  /** Once it is over, the next request may acquire. */
  release(id: UploadId): void | Promise<void>;
}

export class LocalUploadLocks implements UploadLocks {
  readonly #held = new Set<UploadId>();

  acquire(id: UploadId): boolean {
    if (this.#held.has(id)) return false;
    this.#held.add(id);
    return true;
  }

  release(id: UploadId): void {
    this.#held.delete(id);
  }
}

/** Upload sessions as files, so that they outlive a connection, a thread and a restart. */
export class UploadStore {
  readonly #dir: string;
  readonly #blobs: BlobStore;
  readonly #hashes = new LruCache<UploadId, RunningHash>(MAX_HASHERS);
  readonly #locks: UploadLocks;

  constructor(dir: string, blobs: BlobStore, locks: UploadLocks) {
    mkdirSync(dir, { recursive: true });
    this.#dir = dir;
    this.#blobs = blobs;
    this.#locks = locks;
  }

  create(scope: string, algorithm: DigestAlgorithm): UploadId {
    const id = crypto.randomUUID() as UploadId;
    const record: UploadRecord = { scope, algorithm, startedAt: new Date().toISOString() };
    closeSync(openSync(this.#path(id), "wx", 0o600));
    writeFileSync(`${this.#path(id)}.json`, JSON.stringify(record), { mode: 0o600 });
    return id;
  }

  /** Bytes received so far; `undefined` if this scope has no such session. */
  size(id: UploadId, scope: string): number | undefined {
    if (this.#record(id)?.scope !== scope) return undefined;
    try {
      return statSync(this.#path(id)).size;
    } catch (error) {
      if (isMissingFile(error)) return undefined;
      throw error;
    }
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
   * Appends a body while hashing it. Answers once the bytes are durable. When the body breaks off, what arrived is kept,
   * for the client to resume from.
   */
  async append(id: UploadId, body: AsyncIterable<Uint8Array>): Promise<AppendOutcome> {
    const algorithm = this.#record(id)?.algorithm ?? "sha256";
    const handle = await open(this.#path(id), "r+");
    try {
      const start = (await handle.stat()).size;
      const hasher = this.#takeHasher(id, start, algorithm);
      const { size, whole } = await writeStream(handle, body, start, hasher);
      if (hasher) this.#hashes.set(id, { algorithm, hasher, offset: size });
      if (size > start) {
        await syncFileData(handle.fd);
        await syncDirectory(this.#dir);
      }
      return whole ? { kind: "appended", size } : { kind: "interrupted" };
    } finally {
      await handle.close();
    }
  }

  /** Turns a session into a blob if its bytes have that digest; otherwise the session stays as it is. */
  async finish(id: UploadId, digest: Digest): Promise<FinishResult> {
    const path = this.#path(id);
    const { size } = statSync(path);
    const algorithm = digestAlgorithm(digest);
    const known = this.#hashes.get(id);
    const hasher =
      known?.algorithm === algorithm && known.offset === size
        ? known.hasher.copy()
        : await hashFile(path, algorithm);
    const actual = finishDigest(algorithm, hasher);
    if (actual !== digest) return { kind: "mismatch", actual };
    await this.#blobs.place(digest, path);
    this.#forget(id);
    return { kind: "stored", size };
  }

  cancel(id: UploadId): void {
    rmSync(this.#path(id), { force: true });
    this.#forget(id);
  }

  #record(id: UploadId): UploadRecord | undefined {
    try {
      return JSON.parse(readFileSync(`${this.#path(id)}.json`, "utf8")) as UploadRecord;
    } catch (error) {
      // A crash can leave the file behind before its content.
      if (isMissingFile(error) || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** Removes sessions that nobody wrote to for `maxAgeMs`, and answers how many. */
  async expire(maxAgeMs: number): Promise<number> {
    const limit = Date.now() - maxAgeMs;
    let removed = 0;
    const ids = readdirSync(this.#dir).flatMap((name) => parseUploadId(name.replace(/\.json$/, "")) ?? []);
    for (const id of new Set(ids)) {
      if (this.#lastWritten(id) > limit) continue;
      const outcome = await this.exclusively(id, async () => this.cancel(id));
      if (outcome !== "busy") removed++;
    }
    return removed;
  }

  /** In milliseconds since the epoch; the younger of the two files counts, as a crash can leave one alone. */
  #lastWritten(id: UploadId): number {
    const times = [this.#path(id), `${this.#path(id)}.json`].map(
      (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
    );
    return Math.max(...times);
  }

  /** The running hash of what is there, if it is known; it is given away, so that a failure leaves none behind. */
  #takeHasher(id: UploadId, offset: number, algorithm: DigestAlgorithm): Bun.CryptoHasher | undefined {
    const known = this.#hashes.get(id);
    this.#hashes.delete(id);
    if (offset === 0) return new Bun.CryptoHasher(algorithm);
    return known?.offset === offset && known.algorithm === algorithm ? known.hasher : undefined;
  }

  #forget(id: UploadId): void {
    rmSync(`${this.#path(id)}.json`, { force: true });
    this.#hashes.delete(id);
  }

  #path(id: UploadId): string {
    return `${this.#dir}/${id}`;
  }
}

/** Chunks that arrive during a write are gathered up to this size; then the client has to wait. */
const MAX_GATHERED_BYTES = 1 << 20;

/** Receives and hashes while a write is under way; whatever arrived meanwhile is the next write. */
async function writeStream(
  handle: FileHandle,
  body: AsyncIterable<Uint8Array>,
  start: number,
  hasher: Bun.CryptoHasher | undefined,
): Promise<{ size: number; whole: boolean }> {
  let position = start;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let writing: Promise<void> | undefined;
  const writeGathered = (): void => {
    if (gatheredBytes === 0) return;
    writing = writeAll(handle, gathered, position).then(() => {
      writing = undefined;
      writeGathered();
    });
    // Awaited later; until then a failure must not count as unhandled.
    writing.catch(() => undefined);
    position += gatheredBytes;
    gathered = [];
    gatheredBytes = 0;
  };
  const chunks = body[Symbol.asyncIterator]();
  let whole = false;
  for (;;) {
    const next = await chunks.next().catch(() => "broken" as const);
    whole = next !== "broken";
    if (next === "broken" || next.done) break;
    hasher?.update(next.value);
    noteReceived(next.value.length);
    gathered.push(next.value);
    gatheredBytes += next.value.length;
    if (!writing) writeGathered();
    else if (gatheredBytes >= MAX_GATHERED_BYTES) await writing;
  }
  while (writing !== undefined) await writing;
  return { size: position, whole };
}

async function hashFile(path: string, algorithm: DigestAlgorithm): Promise<Bun.CryptoHasher> {
  const hasher = new Bun.CryptoHasher(algorithm);
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(REHASH_BUFFER_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hasher;
      hasher.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
