import { LruCache } from "../../../../bounds/lru-cache.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { parseUploadId, type UploadId } from "../../upload-id.ts";
import type { Upload } from "../../uploads.ts";
import { type ContentKeys, newNonce } from "./content-keys.ts";
import { putDecided } from "./decided-put.ts";
import { Deletions } from "./deletions.ts";
import { parseSession, type SessionState, sizeOf, writeSession } from "./session-state.ts";

/** A session as it was read or written: the version that the next write expects. */
export interface SessionVersion {
  readonly id: UploadId;
  readonly state: SessionState;
  readonly etag: string;
  /** By the store's clock. */
  readonly modified: Date;
}

/** What listing shows of a session. */
export interface ListedSession {
  readonly id: UploadId;
  /** By the store's clock. */
  readonly modified: Date;
  readonly etag: string;
}

type Summary = Pick<SessionState, "scope" | "phase"> & { readonly etag: string; readonly size: number };

/** A word for a version, for clients. */
export function wordOf({ etag }: SessionVersion): string {
  return Bun.hash.xxHash64(etag).toString(36);
}

export function uploadOf({ id, state }: SessionVersion): Upload {
  return { id, scope: state.scope, algorithm: state.algorithm, size: sizeOf(state) };
}

/** How long (ms, by the store's clock) other nodes leave a session alone whose end a node has begun. Then they go on with it. */
const ENDING_MS = 4000;
/** Pause (ms) between two looks whether a node has ended the session. */
const LOOK_MS = 100;
const OPEN = { kind: "open" } as const;
/** Sessions of which it is remembered what they hold, for lists. */
const MAX_SUMMARIES = 10_000;

/** The objects that hold the states of upload sessions. */
export class UploadSessions {
  readonly #bucket: S3Bucket;
  readonly #keys: ContentKeys;
  readonly #deletions: Deletions;
  readonly #summaries = new LruCache<UploadId, Summary>(MAX_SUMMARIES);

  constructor(bucket: S3Bucket, keys: ContentKeys) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#deletions = new Deletions(bucket);
  }

  async create(id: UploadId, state: SessionState): Promise<SessionVersion> {
    const writer = newNonce();
    // With a condition, so that a request which is repeated and comes late does not undo what was written since.
    const outcome = await putDecided(this.#bucket, {
      key: this.#keys.session(id),
      body: writeSession(state, writer),
      condition: { absent: true },
      metadata: { writer },
    });
    if (outcome.kind === "refused") throw new Error(`there is an upload ${id} already`);
    return { id, state, etag: outcome.etag, modified: this.#bucket.client.storeTime };
  }

  async read(id: UploadId): Promise<SessionVersion | undefined> {
    const found = await this.#bucket.read(this.#keys.session(id));
    return found && { id, state: parseSession(found.bytes), etag: found.etag, modified: found.modified };
  }

  /**
   * Reads a session that requests may work on. While a node ends it, waits for that; of a node that does not get to it, as one
   * that was killed, the session is taken over: as open, and with `named`, which makes it become the same blob or none. If that
   * node only hung, its further writes of the session are refused, and its blob is the same.
   */
  async readOpen(id: UploadId): Promise<SessionVersion | undefined> {
    for (;;) {
      const version = await this.read(id);
      if (!version || version.state.phase.kind === "cancelled") return undefined;
      if (version.state.phase.kind === "open") return version;
      if (this.ageOf(version) >= ENDING_MS) return { ...version, state: { ...version.state, phase: OPEN } };
      await Bun.sleep(LOOK_MS);
    }
  }

  /** Of a version, in milliseconds by the store's clock. */
  ageOf({ modified }: Pick<SessionVersion, "modified">): number {
    return this.#bucket.client.storeTime.getTime() - modified.getTime();
  }

  /** Why a session is not what a request expects: another node writes to it, or it has ended. */
  async loss(id: UploadId): Promise<{ readonly kind: "busy" | "cancelled" }> {
    const phase = (await this.read(id))?.state.phase.kind;
    return { kind: phase === "open" || phase === "ending" ? "busy" : "cancelled" };
  }

  /** Whether it is still the version that was read, or written. */
  async isCurrent({ id, etag }: SessionVersion): Promise<boolean> {
    return (await this.#bucket.head(this.#keys.session(id)))?.etag === etag;
  }

  /** Writes a new state; `undefined` if the session is no longer of that version. */
  async change({ id, etag }: SessionVersion, state: SessionState): Promise<SessionVersion | undefined> {
    const writer = newNonce();
    const outcome = await putDecided(this.#bucket, {
      key: this.#keys.session(id),
      body: writeSession(state, writer),
      condition: { etag },
      metadata: { writer },
    });
    if (outcome.kind === "refused") return undefined;
    return { id, state, etag: outcome.etag, modified: this.#bucket.client.storeTime };
  }

  async remove(id: UploadId): Promise<void> {
    this.#summaries.delete(id);
    await this.#deletions.remove([this.#keys.session(id)]);
  }

  async *list(): AsyncGenerator<ListedSession> {
    for await (const page of this.#bucket.list(this.#keys.sessions)) {
      for (const { key, modified, etag } of page) {
        const id = parseUploadId(key.slice(this.#keys.sessions.length));
        if (id) yield { id, modified, etag };
      }
    }
  }

  /** Those that requests may work on. */
  async open(): Promise<readonly Pick<Upload, "id" | "scope" | "size">[]> {
    const listed = await Array.fromAsync(this.list());
    const found = await Promise.all(
      listed.map(async (session) => ({ id: session.id, summary: await this.summary(session) })),
    );
    return found.flatMap(({ id, summary }) =>
      summary?.phase.kind === "open" ? [{ id, scope: summary.scope, size: summary.size }] : [],
    );
  }

  /** What a listed session holds; `undefined` if it has ended meanwhile. Reads only what has changed. */
  async summary({ id, etag }: ListedSession): Promise<Summary | undefined> {
    const known = this.#summaries.get(id);
    if (known?.etag === etag) return known;
    const read = await this.read(id);
    if (!read) return undefined;
    const { scope, phase } = read.state;
    const summary = { scope, phase, size: sizeOf(read.state), etag: read.etag };
    this.#summaries.set(id, summary);
    return summary;
  }
}
