import { LruCache } from "../../../../bounds/lru-cache.ts";
import type { Digest } from "../../../../digest.ts";
import type { MonotonicClock } from "../../../../monotonic-clock.ts";
import type { PlacedBlobs } from "../../../../s3/placed-blobs.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import type { BlobStat } from "../../blobs.ts";
import { type ContentKeys, dayOf } from "./content-keys.ts";

/** A trace that is younger is not left again. */
const AGAIN_AFTER_MS = 10 * 60 * 1000;
/** Traces and links count for so long at least, whatever the collector's grace is: a node relies on them without writing them again. */
export const MIN_GRACE_SECONDS = 15 * 60;
/** And at the most: the keys of so many days are looked at. */
const MAX_GRACE_SECONDS = 24 * 60 * 60;
/** Traces of days before are deleted. Requests that are signed with a time of another day are refused by the store. */
const KEPT_DAYS = 3;
const MAX_REMEMBERED = 50_000;
const EMPTY = new Uint8Array();
const DAY_MS = 24 * 60 * 60 * 1000;

interface BlobTouchesOptions {
  readonly bucket: S3Bucket;
  readonly keys: ContentKeys;
  /** For how long collectors of all nodes keep a blob after it was linked, at least. */
  readonly minGraceSeconds: number;
  /** What all threads of the node have made. */
  readonly placed: PlacedBlobs;
  readonly now: MonotonicClock;
}

/** Times by this node's clock. */
interface Trace {
  readonly began: number;
  readonly durable: number;
}

/**
 * Traces of nodes that rely on blobs which no manifest and no recent link may name: objects, by day and digest, so that the
 * collector of any node sees them. A trace is left before the blob is looked for, and the collector looks for traces after it
 * has taken the blob out of sight: so one of them sees the other. The keys of a day that is over are never written again, which
 * makes it safe to delete them.
 */
export class BlobTouches {
  readonly #bucket: S3Bucket;
  readonly #keys: ContentKeys;
  readonly #placed: PlacedBlobs;
  readonly #placedSeconds: number;
  readonly #now: MonotonicClock;
  readonly #left = new LruCache<Digest, Trace>(MAX_REMEMBERED);

  constructor({ bucket, keys, minGraceSeconds, placed, now }: BlobTouchesOptions) {
    this.#placed = placed;
    this.#placedSeconds = Math.min(minGraceSeconds / 2, AGAIN_AFTER_MS / 1000);
    this.#bucket = bucket;
    this.#keys = keys;
    this.#now = now;
  }

  /** Whether this node has left a trace lately, or made the blob. */
  isFresh(digest: Digest): boolean {
    const left = this.#left.get(digest);
    return (
      (left !== undefined && this.#now() - left.began < AGAIN_AFTER_MS) ||
      this.#placed.find(digest, this.#placedSeconds) !== undefined
    );
  }

  /** Whether what was learnt at a time was learnt after this node's last trace: what is older says nothing about now. */
  areOlder(digest: Digest, learnt: number): boolean {
    const left = this.#left.get(digest);
    return left === undefined || left.durable <= learnt;
  }

  /** The node has just made the blob, whose link protects it for some time: until then no trace is needed. */
  placed(digest: Digest, size: number): void {
    this.#placed.note(digest, size);
  }

  /** What is known of a blob that needs no trace because this node has just made it. */
  placedStat(digest: Digest): BlobStat | undefined {
    const placed = this.#placed.find(digest, this.#placedSeconds);
    if (!placed) return undefined;
    const at = new Date(this.#bucket.client.storeTime.getTime() - 1000 * placed.age);
    return { size: placed.size, isSealed: true, placed: at };
  }

  forgetPlaced(digest: Digest): void {
    this.#placed.forget(digest);
  }

  /** Resolves when the trace is durable. */
  async leave(digest: Digest): Promise<void> {
    const began = this.#now();
    await this.#bucket.put(this.#keys.touch(digest, this.#bucket.client.storeTime), EMPTY);
    this.#left.set(digest, { began, durable: this.#now() });
  }

  /** Whether any node left a trace within so many seconds by the store's clock, within the bounds of the constants above. */
  async wereLeftWithin(seconds: number, digest: Digest): Promise<boolean> {
    const now = this.#bucket.client.storeTime;
    const graceMs = 1000 * Math.min(Math.max(seconds, MIN_GRACE_SECONDS), MAX_GRACE_SECONDS);
    const days = [now, new Date(now.getTime() - DAY_MS)];
    // Just before midnight another node may write under the next day already.
    if (dayOf(new Date(now.getTime() + MIN_GRACE_SECONDS * 1000)) !== dayOf(now))
      days.push(new Date(now.getTime() + DAY_MS));
    const found = await Promise.all(days.map((day) => this.#bucket.head(this.#keys.touch(digest, day))));
    return found.some((trace) => trace !== undefined && now.getTime() - trace.modified.getTime() <= graceMs);
  }

  /** Deletes traces that count no more. */
  async removeOld(): Promise<void> {
    const oldest = dayOf(new Date(this.#bucket.client.storeTime.getTime() - KEPT_DAYS * DAY_MS));
    for await (const day of this.#bucket.listDirectories(this.#keys.touches)) {
      if (day >= oldest) continue;
      for await (const page of this.#bucket.list(`${this.#keys.touches}${day}/`))
        await this.#bucket.removeAll(page.map(({ key }) => key));
    }
  }
}
