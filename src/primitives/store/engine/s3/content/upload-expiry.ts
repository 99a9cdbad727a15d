import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { expiryAgeMs } from "../../upload-age.ts";
import type { UploadId } from "../../upload-id.ts";
import type { ExpiryOptions, SessionCounter, SessionOwner, UploadLocks } from "../../uploads.ts";
import { type ContentKeys, newNonce } from "./content-keys.ts";
import { DataSweep } from "./data-sweep.ts";
import { putDecided } from "./decided-put.ts";
import type { S3Blobs } from "./s3-blobs.ts";
import type { UploadData } from "./upload-data.ts";
import type { ListedSession, SessionVersion, UploadSessions } from "./upload-sessions.ts";

/** Of an owner with too many sessions, those give way that nobody wrote to for so long. */
const EVICTED_AFTER_MS = 60 * 60 * 1000;
/** Looking for them costs a look at every session; not again within this time where it was in vain. */
const EVICTION_PAUSE_MS = 10_000;

/** What was signed before is refused by the store from then on, so that no blob can be made any more. */
const MIN_ENDED_MS = 20 * 60 * 1000;
/** Uploads in parts are ended after this time. */
const PARTS_AGE_MS = 2 * 24 * 60 * 60 * 1000;

interface ExpiryParts {
  readonly sessions: UploadSessions;
  readonly data: UploadData;
  readonly bucket: S3Bucket;
  readonly keys: ContentKeys;
  readonly blobs: Pick<S3Blobs, "dataKeys" | "removeOldTouches">;
  /** The store's clock. */
  readonly now: () => Date;
  readonly locks: UploadLocks;
  readonly counter: SessionCounter;
}

/** Ends sessions without a blob. */
export class UploadExpiry {
  readonly #parts: ExpiryParts;
  readonly #sweep: DataSweep;
  #evicting: Promise<boolean> | undefined;
  /** When there was no room. */
  #inVain = Number.NEGATIVE_INFINITY;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
    this.#sweep = new DataSweep(parts);
  }

  /** Ends a session unless it was changed since that version; false if it was. What it held is deleted. */
  async end(version: SessionVersion): Promise<boolean> {
    const { sessions, counter } = this.#parts;
    const { id, state } = version;
    if (!(await sessions.change(version, { ...state, phase: { kind: "cancelled" } }))) return false;
    counter.end(id);
    // The session has ended. What is left of it when this fails is deleted once it is old; so is what may be a blob, as the
    // attempt to make it may still be on its way.
    if (state.named === undefined) await this.#tidy(version).catch(() => undefined);
    return true;
  }

  /** See `UploadStore.expire`. */
  async expire(maxAgeMs: number, options: ExpiryOptions = {}): Promise<number> {
    const { concerns = () => true } = options;
    let removed = 0;
    for await (const listed of this.#parts.sessions.list()) {
      const leastAgeMs = expiryAgeMs({ id: listed.id, size: 0 }, maxAgeMs, options);
      if (!concerns(listed.id) || !this.#isOlder(listed, leastAgeMs)) continue;
      const summary = await this.#parts.sessions.summary(listed);
      if (!summary) continue;
      const ageMs = expiryAgeMs({ id: listed.id, size: summary.size }, maxAgeMs, options);
      if (this.#isOlder(listed, ageMs) && (await this.#expireOne(listed, ageMs))) removed++;
    }
    return removed;
  }

  /** Whether no node has begun this within so many milliseconds, or a little less, as timers vary; of several at once, for one. */
  async isDue(withinMs: number): Promise<boolean> {
    const { bucket, keys } = this.#parts;
    const found = await bucket.head(keys.expiry);
    if (found && !this.#isOlder(found, withinMs * 0.9)) return false;
    const writer = newNonce();
    const outcome = await putDecided(bucket, {
      key: keys.expiry,
      body: new Uint8Array(Buffer.from(writer)),
      condition: found ? { etag: found.etag } : { absent: true },
      metadata: { writer },
    });
    return outcome.kind === "stored";
  }

  /** Deletes what nodes that were killed have left. */
  async removeLeftovers(): Promise<void> {
    const { data, blobs, now } = this.#parts;
    await data.abortOld(new Date(now().getTime() - PARTS_AGE_MS));
    await blobs.removeOldTouches();
    await this.#sweep.run();
  }

  /**
   * Makes room for an owner who has too many sessions: removes those that rest, and counts again, because other nodes end
   * sessions too. False if there is no room, or there was none just now.
   */
  async evict(owner: SessionOwner): Promise<boolean> {
    if (this.#evicting !== undefined) return this.#evicting;
    if (performance.now() - this.#inVain < EVICTION_PAUSE_MS) return false;
    this.#evicting = this.#evict(owner).finally(() => {
      this.#evicting = undefined;
    });
    const hasRoom = await this.#evicting;
    if (!hasRoom) this.#inVain = performance.now();
    return hasRoom;
  }

  async #evict(owner: SessionOwner): Promise<boolean> {
    const { counter } = this.#parts;
    const recounted = counter.recount();
    const open: UploadId[] = [];
    const concerns: ExpiryOptions["concerns"] = (id) => {
      open.push(id);
      return counter.isOf(owner, id);
    };
    const removed = await this.expire(EVICTED_AFTER_MS, { concerns });
    return recounted(open) || removed > 0;
  }

  #isOlder({ modified }: Pick<ListedSession, "modified">, ageMs: number): boolean {
    return modified.getTime() < this.#parts.now().getTime() - ageMs;
  }

  /** False if a request works on it, or it had ended before. */
  async #expireOne({ id, etag }: ListedSession, ageMs: number): Promise<boolean> {
    const { locks, sessions } = this.#parts;
    if (locks.wasHeldWithin?.(ageMs, id) || !(await locks.acquire(id))) return false;
    try {
      const version = await sessions.read(id);
      if (version?.etag !== etag) return false;
      const { kind } = version.state.phase;
      const mayEnd = kind === "open" || (kind === "ending" && this.#isOlder(version, MIN_ENDED_MS));
      if (mayEnd) return await this.end(version);
      if (kind === "cancelled" && this.#isOlder(version, MIN_ENDED_MS)) await this.#tidy(version);
      return false;
    } finally {
      await locks.release(id);
    }
  }

  /** Deletes a session that has ended, with its data but for those of which a blob consists. */
  async #tidy({ id, state }: SessionVersion): Promise<void> {
    const { data, sessions, blobs } = this.#parts;
    // An empty session may still have what a request is writing.
    await data.removeAllBut(id, state.named === undefined ? [] : await blobs.dataKeys(state.named));
    await sessions.remove(id);
  }
}
