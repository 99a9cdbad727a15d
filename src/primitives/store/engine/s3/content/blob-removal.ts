import type { Digest } from "../../../../digest.ts";
import { type MonotonicClock, monotonicMs } from "../../../../monotonic-clock.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { type Absence, type BlobObject, parseBlobObject, segmentsIfAny, writeMarked } from "./blob-object.ts";
import { type ContentKeys, newNonce } from "./content-keys.ts";
import { putDecided } from "./decided-put.ts";
import type { Deletions } from "./deletions.ts";

/** After the object was marked for deletion, its deletion is sent within this time or not at all. */
const MAX_DELETION_MS = 60_000;
/**
 * A mark for deletion that is older by the store's clock belongs to a node that was killed: the deletion was signed within
 * `MAX_DELETION_MS`, and the store refuses signatures that are older than 15 minutes.
 */
const STALE_DELETION_MS = 20 * 60 * 1000;
/** A mark as removed that is older belongs to a node that was killed, or whose next write will be refused. */
const STALE_REMOVAL_MS = 2 * 60 * 1000;
const EMPTY = new Uint8Array();

/**
 * Removes blobs while all nodes may push and look for them. Every step but the last one is a conditional write to the object
 * of the blob. First it is marked as removed: it is absent for all nodes, and keeps where its bytes are. Then the caller looks
 * whether it is needed. If so, the mark is taken back. If not, it is marked as deleting: a push that came meanwhile has replaced
 * the object, and then the condition does not hold and the blob stays. From then on no node writes the object until it is gone
 * or the mark is stale, so it may be deleted without a condition, which many stores can't do. The data are deleted before it,
 * so that nothing is left that nobody knows of.
 */
export class BlobRemoval {
  readonly #bucket: S3Bucket;
  readonly #keys: ContentKeys;
  readonly #data: Deletions;
  readonly #now: MonotonicClock;

  constructor(bucket: S3Bucket, keys: ContentKeys, data: Deletions, now: MonotonicClock = monotonicMs) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#data = data;
    this.#now = now;
  }

  async remove(digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<boolean> {
    const found = await this.find(digest);
    if (!found) return false;
    // What another collector has left half done is gone on with.
    const removed = found.absence === undefined ? await this.mark(digest, found, "removed") : found;
    if (!removed) return false;
    if (removed.absence === "deleting") {
      if (!this.isStale(removed)) return false;
    } else if (!(await isUnneeded())) {
      if (removed.absence === "removed") await this.mark(digest, removed, undefined);
      return false;
    }
    const deleting = await this.mark(digest, removed, "deleting");
    return deleting !== undefined && (await this.#delete(digest, deleting));
  }

  /** The object of the blob, absent or not. */
  async find(digest: Digest): Promise<BlobObject | undefined> {
    const object = await this.#bucket.head(this.#keys.blob(digest));
    return object && parseBlobObject(object);
  }

  /** The blob, unless it is absent. What a collector that was killed has left marked as removed is present again. */
  async findPresent(digest: Digest): Promise<BlobObject | undefined> {
    const found = await this.find(digest);
    if (found?.absence === undefined) return found;
    return found.absence === "removed" && this.#ageMs(found) > STALE_REMOVAL_MS
      ? this.mark(digest, found, undefined)
      : undefined;
  }

  /** Whether who marked it for deletion was killed. */
  isStale(deleting: BlobObject): boolean {
    return this.#ageMs(deleting) > STALE_DELETION_MS;
  }

  #ageMs({ modified }: BlobObject): number {
    return this.#bucket.client.storeTime.getTime() - modified.getTime();
  }

  /** Rewrites the object with a mark, or without; `undefined` if it was changed meanwhile. */
  async mark(
    digest: Digest,
    object: BlobObject,
    absence: Absence | undefined,
  ): Promise<BlobObject | undefined> {
    const key = this.#keys.blob(digest);
    let body: Uint8Array<ArrayBuffer> = EMPTY;
    const holdsBytes = object.place === "here" || object.place === "kept";
    // They are not needed any more if the blob is to be deleted.
    if (object.place === "list" || (holdsBytes && absence !== "deleting")) {
      const read = await this.#bucket.read(key);
      if (read?.etag !== object.etag) return undefined;
      body = read.bytes;
    }
    const outcome = await putDecided(this.#bucket, {
      key,
      condition: { etag: object.etag },
      ...writeMarked(object, body, absence, newNonce()),
    });
    if (outcome.kind === "refused") return undefined;
    const place = !holdsBytes ? object.place : absence === undefined ? "here" : "kept";
    return { ...object, etag: outcome.etag, place, absence, modified: this.#bucket.client.storeTime };
  }

  /** The keys of the data objects of a blob. */
  async dataKeys(digest: Digest, { place, etag }: BlobObject): Promise<string[]> {
    if (place === "here" || place === "kept") return [];
    if (place !== "list") return [this.#keys.data(place.name)];
    const read = await this.#bucket.read(this.#keys.blob(digest));
    if (read?.etag !== etag) return [];
    return segmentsIfAny(read.bytes).map(({ name }) => this.#keys.data(name));
  }

  async #delete(digest: Digest, deleting: BlobObject): Promise<boolean> {
    const marked = this.#now();
    const signedAt = new Date();
    await this.#data.remove(await this.dataKeys(digest, deleting));
    if (this.#now() - marked > MAX_DELETION_MS) return false;
    // If it failed, the mark stays until it is stale: then no request of before can be done any more.
    return this.#bucket.removeOnce(this.#keys.blob(digest), signedAt);
  }
}
