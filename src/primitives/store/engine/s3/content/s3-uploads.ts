import { LruCache } from "../../../../bounds/lru-cache.ts";
import { type Digest, type DigestAlgorithm, finishDigest } from "../../../../digest.ts";
import { type MonotonicClock, monotonicMs } from "../../../../monotonic-clock.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { scopeHash, type UploadId } from "../../upload-id.ts";
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
} from "../../uploads.ts";
import { AppendedBytes, splitSegments } from "./appended-bytes.ts";
import { ContentKeys, newDataName } from "./content-keys.ts";
import { PartMemory, uploadBytes } from "./part-memory.ts";
import { OpenAppend } from "./received-body.ts";
import { RunningHashes } from "./running-hashes.ts";
import type { S3Blobs } from "./s3-blobs.ts";
import { SegmentGoneError, SegmentWriter } from "./segment-writer.ts";
import { newSession, sizeOf } from "./session-state.ts";
import { UploadData } from "./upload-data.ts";
import { UploadEnding } from "./upload-ending.ts";
import { UploadExpiry } from "./upload-expiry.ts";
import { type SessionVersion, UploadSessions, uploadOf, wordOf } from "./upload-sessions.ts";

export interface S3UploadsOptions {
  readonly bucket: S3Bucket;
  readonly store: string;
  readonly blobs: S3Blobs;
  readonly locks: UploadLocks;
  readonly sessions: SessionCounter;
  /** Of all uploads of this thread. */
  readonly memory?: PartMemory;
  /** Whether nobody else uses the buffers of request bodies, so that each is freed once it was read. Default: no. */
  readonly ownsBodies?: boolean;
  readonly now?: MonotonicClock;
}

/** Bytes of session states that are remembered between two steps of a request. */
const MAX_REMEMBERED_BYTES = 16 * 1024 * 1024;
const BYTES_OF_SESSION = 1024;
const MAX_CHANGES = 10;
const NOBODY: SessionOwner = { user: undefined, network: "" };

/**
 * Upload sessions on an object store, which any node can go on with. A session is an object that is changed by conditional
 * writes alone: of two nodes that work on it, one wins, and the other one's bytes are deleted. The bytes of a request become
 * data objects of their own while they come in, and belong to the session once its object names them.
 */
export class S3Uploads implements UploadStore {
  readonly #bucket: S3Bucket;
  readonly #keys: ContentKeys;
  readonly #memory: PartMemory;
  readonly #now: MonotonicClock;
  readonly #ownsBodies: boolean;
  readonly #locks: UploadLocks;
  readonly #counter: SessionCounter;
  readonly #sessions: UploadSessions;
  readonly #data: UploadData;
  readonly #ending: UploadEnding;
  readonly #expiry: UploadExpiry;
  readonly #hashes = new RunningHashes();
  readonly #found = new LruCache<UploadId, SessionVersion>(MAX_REMEMBERED_BYTES);
  readonly #open = new Map<UploadId, OpenAppend>();
  #listed: { readonly at: number; readonly sessions: ReturnType<UploadStore["list"]> } | undefined;
  /** What a last chunk has added, until the session ends or is rewound. */
  readonly #last = new Map<UploadId, AppendedBytes>();

  constructor(options: S3UploadsOptions) {
    const { bucket, store, blobs, locks, sessions } = options;
    this.#now = options.now ?? monotonicMs;
    this.#ownsBodies = options.ownsBodies ?? false;
    this.#bucket = bucket;
    this.#keys = new ContentKeys(store);
    this.#memory = options.memory ?? new PartMemory({ bytes: uploadBytes(1) });
    this.#locks = locks;
    this.#counter = sessions;
    this.#sessions = new UploadSessions(bucket, this.#keys);
    this.#data = new UploadData(bucket, this.#keys);
    const parts = {
      bucket,
      keys: this.#keys,
      memory: this.#memory,
      sessions: this.#sessions,
      data: this.#data,
    };
    this.#ending = new UploadEnding({ ...parts, blobs });
    const now = () => bucket.client.storeTime;
    this.#expiry = new UploadExpiry({ ...parts, blobs, now, locks, counter: sessions });
  }

  async create(
    scope: string,
    algorithm: DigestAlgorithm,
    owner: SessionOwner = NOBODY,
  ): Promise<UploadId | SessionLimit> {
    let id = this.#counter.begin(owner);
    if (typeof id !== "string" && (await this.#expiry.evict(owner))) id = this.#counter.begin(owner);
    if (typeof id !== "string") return id;
    try {
      this.#remember(await this.#sessions.create(id, newSession(scope, algorithm)));
    } catch (error) {
      this.#counter.end(id);
      throw error;
    }
    return id;
  }

  async find(id: UploadId, scope: string, told?: string): Promise<Upload | undefined> {
    const version = told !== undefined && told === this.told(id) ? this.#found.get(id) : await this.#read(id);
    return version?.state.scope === scopeHash(scope) ? uploadOf(version) : undefined;
  }

  told(id: UploadId): string | undefined {
    const found = this.#found.get(id);
    return found && wordOf(found);
  }

  list(maxAgeMs = 0): Promise<readonly Pick<Upload, "id" | "scope" | "size">[]> {
    const now = this.#now();
    if (this.#listed && now - this.#listed.at < maxAgeMs) return this.#listed.sessions;
    const sessions = this.#sessions.open();
    this.#listed = { at: now, sessions };
    sessions.catch(() => {
      if (this.#listed?.sessions === sessions) this.#listed = undefined;
    });
    return sessions;
  }

  async exclusively<T>(id: UploadId, work: () => Promise<T>): Promise<T | "busy"> {
    if (!(await this.#locks.acquire(id))) return "busy";
    try {
      return await work();
    } finally {
      // A last chunk that no end followed.
      await this.#dropLast(id);
      await this.#locks.release(id);
    }
  }

  async append(upload: Upload, body: AsyncIterable<Uint8Array>, isLast = false): Promise<AppendOutcome> {
    const { id } = upload;
    const version = await this.#current(upload);
    if (!version) return this.#sessions.loss(id);
    await this.#dropLast(id);
    const open = new OpenAppend(this.#sessions, version, this.#now, this.#ownsBodies);
    this.#open.set(id, open);
    try {
      for (;;) {
        const outcome = await this.#append(open, body, isLast);
        if (outcome !== "asked") return outcome;
      }
    } finally {
      if (this.#open.get(id) === open) this.#open.delete(id);
    }
  }

  async finish(upload: Upload, digest: Digest, recorded?: Promise<unknown>): Promise<UploadEnd> {
    const { id } = upload;
    const last = this.#last.get(id);
    const version = await this.#current(last ? { id } : upload);
    if (!version || (last && last.size !== upload.size)) return this.#sessions.loss(id);
    const end = await this.#ending.end(version, last, digest, recorded);
    this.#found.delete(id);
    if (end.kind !== "mismatch") this.#hashes.forget(id);
    this.#last.delete(id);
    last?.release();
    if (end.kind === "stored") this.#counter.end(id);
    if (end.kind !== "cancelled") return end;
    await last?.abandon();
    return this.#sessions.loss(id);
  }

  async rewind({ id }: Upload): Promise<void> {
    // A blob may consist of what came last: then it stays.
    if (this.#ending.isUndecided(id)) {
      this.#last.get(id)?.release();
      this.#last.delete(id);
    } else await this.#dropLast(id);
    this.#forget(id);
    await this.#ending.reopen(id);
  }

  async cancel({ id }: Upload): Promise<boolean> {
    this.#open.get(id)?.cancel();
    for (let change = 0; change < MAX_CHANGES; change++) {
      const version = await this.#sessions.readOpen(id);
      if (!version) return false;
      if (!(await this.#expiry.end(version))) continue;
      this.#forget(id);
      await this.#dropLast(id);
      return true;
    }
    return false;
  }

  async expire(maxAgeMs: number, options?: ExpiryOptions): Promise<number> {
    if (options?.onceInMs !== undefined && !(await this.#expiry.isDue(options.onceInMs))) return 0;
    const removed = await this.#expiry.expire(maxAgeMs, options);
    if (!options?.concerns) await this.#expiry.removeLeftovers();
    return removed;
  }

  /** `asked`: what came so far is part of the session, so that its memory is free; more is to be received. */
  async #append(
    open: OpenAppend,
    body: AsyncIterable<Uint8Array>,
    isLast: boolean,
  ): Promise<AppendOutcome | "asked"> {
    const { id, state } = open.version;
    const { kept, before } = splitSegments(state.segments, state.tail.length);
    const origin = { name: newDataName(id), before, tail: state.tail };
    const writer = new SegmentWriter(
      { bucket: this.#bucket, keys: this.#keys, memory: this.#memory },
      origin,
    );
    const hasher = this.#hashes.take(open.version);
    try {
      const reception = await open.receive(body, writer, hasher);
      if (reception === "ended") throw new SegmentGoneError("the session has ended");
      const isLonger = writer.size > writer.sizeBefore;
      // Another node may have hashed what is there.
      const digest = isLonger ? hasher && finishDigest(state.algorithm, hasher.copy()) : state.digest;
      const added = new AppendedBytes(state, kept, writer, digest);
      const isWhole = reception === "whole";
      if (isWhole && isLast) {
        this.#last.set(id, added);
        return { kind: "appended", size: added.size };
      }
      if (isLonger) {
        const next = await this.#commit(open.version, added);
        open.written(next);
        if (hasher) this.#hashes.keep(next, hasher);
      }
      writer.release();
      if (reception === "asked") return "asked";
      return isWhole ? { kind: "appended", size: added.size } : { kind: "interrupted" };
    } catch (error) {
      this.#found.delete(id);
      await writer.abandon().catch(() => undefined);
      writer.release();
      if (!(error instanceof SegmentGoneError)) throw error;
      return open.isCancelled ? { kind: "cancelled" } : this.#sessions.loss(id);
    }
  }

  /** Throws `SegmentGoneError` if another request has changed the session. */
  async #commit(version: SessionVersion, added: AppendedBytes): Promise<SessionVersion> {
    const next = await added.commit(this.#sessions, version);
    if (!next) throw new SegmentGoneError("another node has changed the session");
    this.#remember(next);
    // What can't be deleted now is deleted with the session.
    await this.#data.removeReplaced(version.state, next.state).catch(() => undefined);
    return next;
  }

  /** The session as it was found last, if it was found with this size, or as it is now. */
  async #current({
    id,
    size,
  }: {
    readonly id: UploadId;
    readonly size?: number;
  }): Promise<SessionVersion | undefined> {
    const found = this.#found.get(id);
    const isRight = (version: SessionVersion) => size === undefined || sizeOf(version.state) === size;
    if (found && isRight(found)) return found;
    const read = await this.#read(id);
    return read && isRight(read) ? read : undefined;
  }

  /** Reads a session that is open. */
  async #read(id: UploadId): Promise<SessionVersion | undefined> {
    const version = await this.#sessions.readOpen(id);
    if (version) this.#remember(version);
    return version;
  }

  #remember(version: SessionVersion): void {
    this.#found.set(version.id, version, BYTES_OF_SESSION + version.state.tail.length);
  }

  #forget(id: UploadId): void {
    this.#found.delete(id);
    this.#hashes.forget(id);
  }

  async #dropLast(id: UploadId): Promise<void> {
    const last = this.#last.get(id);
    this.#last.delete(id);
    // What can't be deleted now is deleted with the session.
    await last?.abandon().catch(() => undefined);
    last?.release();
  }
}
