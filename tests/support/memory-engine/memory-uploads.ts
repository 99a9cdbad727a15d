import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestOf,
} from "../../../src/primitives/digest.ts";
import { expiryAgeMs } from "../../../src/primitives/store/engine/upload-age.ts";
import { scopeHash, type UploadId } from "../../../src/primitives/store/engine/upload-id.ts";
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
} from "../../../src/primitives/store/engine/uploads.ts";
import type { MemoryBlobs } from "./memory-blobs.ts";

interface Session {
  readonly scope: string;
  readonly algorithm: DigestAlgorithm;
  bytes: Uint8Array;
  written: number;
}

export type Sessions = Map<UploadId, Session>;

const NOBODY: SessionOwner = { user: undefined, network: "" };

/** Upload sessions in memory. */
export class MemoryUploads implements UploadStore {
  readonly #kept: Sessions;
  readonly #blobs: MemoryBlobs;
  readonly #locks: UploadLocks;
  readonly #counter: SessionCounter;

  constructor(kept: Sessions, blobs: MemoryBlobs, locks: UploadLocks, counter: SessionCounter) {
    this.#kept = kept;
    this.#blobs = blobs;
    this.#locks = locks;
    this.#counter = counter;
  }

  async create(scope: string, algorithm: DigestAlgorithm, owner = NOBODY): Promise<UploadId | SessionLimit> {
    const id = this.#counter.begin(owner);
    if (typeof id === "string")
      this.#kept.set(id, {
        scope: scopeHash(scope),
        algorithm,
        bytes: new Uint8Array(),
        written: Date.now(),
      });
    return id;
  }

  async find(id: UploadId, scope: string): Promise<Upload | undefined> {
    const session = this.#kept.get(id);
    return session?.scope === scopeHash(scope) ? uploadOf(id, session) : undefined;
  }

  async list(): Promise<readonly Upload[]> {
    return [...this.#kept].map(([id, session]) => uploadOf(id, session));
  }

  async exclusively<T>(id: UploadId, work: () => Promise<T>): Promise<T | "busy"> {
    if (!(await this.#locks.acquire(id))) return "busy";
    try {
      return await work();
    } finally {
      await this.#locks.release(id);
    }
  }

  async append({ id }: Upload, body: AsyncIterable<Uint8Array>): Promise<AppendOutcome> {
    const session = this.#kept.get(id);
    if (!session) return { kind: "cancelled" };
    let isWhole = true;
    try {
      for await (const chunk of body) {
        if (!this.#kept.has(id)) break;
        session.bytes = Buffer.concat([session.bytes, chunk]);
      }
    } catch {
      isWhole = false;
    }
    if (!this.#kept.has(id)) return { kind: "cancelled" };
    session.written = Date.now();
    return isWhole ? { kind: "appended", size: session.bytes.length } : { kind: "interrupted" };
  }

  async finish({ id }: Upload, digest: Digest): Promise<UploadEnd> {
    const session = this.#kept.get(id);
    if (!session) return { kind: "cancelled" };
    const { bytes } = session;
    const actual = digestOf(bytes, digestAlgorithm(digest));
    if (actual !== digest) return { kind: "mismatch", actual };
    const isNew = this.#blobs.place(digest, bytes);
    this.#remove(id);
    return { kind: "stored", size: bytes.length, added: isNew ? bytes.length : 0 };
  }

  async rewind({ id, size }: Upload): Promise<void> {
    const session = this.#kept.get(id);
    if (session) session.bytes = session.bytes.subarray(0, size);
  }

  async cancel({ id }: Upload): Promise<boolean> {
    return this.#remove(id);
  }

  async expire(maxAgeMs: number, options: ExpiryOptions = {}): Promise<number> {
    const { concerns = () => true } = options;
    const now = Date.now();
    let removed = 0;
    for (const [id, { bytes, written }] of this.#kept) {
      const ageMs = expiryAgeMs({ id, size: bytes.length }, maxAgeMs, options);
      if (!concerns(id) || written >= now - ageMs || this.#locks.wasHeldWithin?.(ageMs, id)) continue;
      if ((await this.exclusively(id, async () => this.#remove(id))) !== "busy") removed++;
    }
    return removed;
  }

  #remove(id: UploadId): boolean {
    const isOpen = this.#kept.delete(id);
    if (isOpen) this.#counter.end(id);
    return isOpen;
  }
}

function uploadOf(id: UploadId, { scope, algorithm, bytes }: Session): Upload {
  return { id, scope, algorithm, size: bytes.length };
}
