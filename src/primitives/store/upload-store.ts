import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { type Digest, type DigestAlgorithm, digestAlgorithm, finishDigest } from "../digest.ts";
import { LruCache } from "../lru-cache.ts";
import type { BlobStore } from "./blob-store.ts";
import { syncDirectory, syncFileData } from "./durable.ts";
import { isMissingFile } from "./files.ts";

/** The id of an upload session: a UUID in its canonical form. */
export type UploadId = string & { readonly __brand: "UploadId" };

export function parseUploadId(text: string): UploadId | undefined {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? (text as UploadId) : undefined;
}

/** What is known of a session besides its bytes; kept as JSON beside them. */
interface UploadRecord {
  readonly scope: string;
  readonly startedAt: string;
}

export type FinishResult =
  | { readonly kind: "stored"; readonly size: number }
  | { readonly kind: "mismatch"; readonly actual: Digest };

/** Running hash states kept at the most; a session without one is hashed again from its file. */
const MAX_HASHERS = 1024;
const REHASH_BUFFER_BYTES = 1 << 20;

interface RunningHash {
  readonly algorithm: DigestAlgorithm;
  readonly hasher: Bun.CryptoHasher;
  /** Bytes hashed so far; of use only while it equals the size of the file. */
  readonly offset: number;
}

/** Upload sessions as files, so that they outlive a connection, a thread and a restart. */
export class UploadStore {
  readonly #dir: string;
  readonly #blobs: BlobStore;
  readonly #hashes = new LruCache<UploadId, RunningHash>(MAX_HASHERS);
  readonly #busy = new Set<UploadId>();

  constructor(dir: string, blobs: BlobStore) {
    mkdirSync(dir, { recursive: true });
    this.#dir = dir;
    this.#blobs = blobs;
  }

  create(scope: string): UploadId {
    const id = crypto.randomUUID() as UploadId;
    const record: UploadRecord = { scope, startedAt: new Date().toISOString() };
    closeSync(openSync(this.#path(id), "wx", 0o600));
    writeFileSync(`${this.#path(id)}.json`, JSON.stringify(record), { mode: 0o600 });
    return id;
  }

  /** Bytes received so far; `undefined` if this scope has no such session. */
  size(id: UploadId, scope: string): number | undefined {
    try {
      const record = JSON.parse(readFileSync(`${this.#path(id)}.json`, "utf8")) as UploadRecord;
      return record.scope === scope ? statSync(this.#path(id)).size : undefined;
    } catch (error) {
      if (isMissingFile(error) || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** Runs `work` unless another request is working on the same session. */
  async exclusively<T>(id: UploadId, work: () => Promise<T>): Promise<T | "busy"> {
    if (this.#busy.has(id)) return "busy";
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }

  /**
   * Appends a body while hashing it, and answers the new size once the bytes are durable. When the body breaks off, what
   * arrived is kept, for the client to resume from.
   */
  async append(
    id: UploadId,
    body: AsyncIterable<Uint8Array>,
    algorithm: DigestAlgorithm = "sha256",
  ): Promise<number> {
    const handle = await open(this.#path(id), "r+");
    let offset = (await handle.stat()).size;
    const known = this.#hashes.get(id);
    const hasher =
      offset === 0
        ? new Bun.CryptoHasher(algorithm)
        : known?.offset === offset && known.algorithm === algorithm
          ? known.hasher
          : undefined;
    this.#hashes.delete(id);
    try {
      // One write is under way while the next chunk is received and hashed.
      let writing: Promise<unknown> = Promise.resolve();
      try {
        for await (const chunk of body) {
          hasher?.update(chunk);
          await writing;
          writing = writeFully(handle, chunk, offset);
          writing.catch(() => undefined); // awaited above or below; this only keeps it from counting as unhandled
          offset += chunk.length;
        }
      } finally {
        await writing;
      }
      if (hasher) this.#hashes.set(id, { algorithm, hasher, offset });
      await syncFileData(handle.fd);
      await syncDirectory(this.#dir);
      return offset;
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

  #forget(id: UploadId): void {
    rmSync(`${this.#path(id)}.json`, { force: true });
    this.#hashes.delete(id);
  }

  #path(id: UploadId): string {
    return `${this.#dir}/${id}`;
  }
}

async function writeFully(
  handle: Awaited<ReturnType<typeof open>>,
  chunk: Uint8Array,
  position: number,
): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    at += (await handle.write(chunk, at, chunk.length - at, position + at)).bytesWritten;
  }
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
