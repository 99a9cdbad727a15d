import { LruCache } from "../../../../bounds/lru-cache.ts";
import {
  DIGEST_ALGORITHMS,
  type Digest,
  digestAlgorithm,
  digestOf,
  finishDigest,
  parseDigest,
} from "../../../../digest.ts";
import type { Step } from "../../../../fs/files.ts";
import { type MonotonicClock, monotonicMs } from "../../../../monotonic-clock.ts";
import { PlacedBlobs } from "../../../../s3/placed-blobs.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { BlobRange, BlobStat, BlobStore, BlobVerdict, OpenBlob } from "../../blobs.ts";
import { type BlobCache, openCached } from "./blob-cache.ts";
import { type BlobObject, listedSegments, parseBlobObject, statOf } from "./blob-object.ts";
import { BlobPlacing, type NewBlob, type PlacedBlob, sizeOfBlob } from "./blob-placing.ts";
import { BlobRemoval } from "./blob-removal.ts";
import type { BlobTotals } from "./blob-totals.ts";
import { BlobTouches } from "./blob-touches.ts";
import { ContentKeys } from "./content-keys.ts";
import { Deletions } from "./deletions.ts";
import { faultOf, MissingObjectError, segmentBody, segmentStream, slicesOf } from "./segment-stream.ts";

export interface S3BlobsOptions {
  readonly bucket: S3Bucket;
  readonly store: string;
  /** Called with blobs that were set aside because their bytes are not what their digest says. */
  readonly onDamage: (digest: Digest) => void;
  readonly cache?: BlobCache | undefined;
  /** Clients may be sent to the store for blobs of more bytes; `undefined`: for none. */
  readonly redirectAbove?: number | undefined;
  /** See `BlobStore`; default: not at all. */
  readonly minGraceSeconds?: number;
  /** Blobs that this node has made lately; default: those of this object. */
  readonly placed?: PlacedBlobs;
  readonly totals?: BlobTotals;
  readonly now?: MonotonicClock;
}

interface KnownBlob {
  readonly object: BlobObject;
  readonly segments: readonly { readonly key: string; readonly size: number }[];
  /** When the store was asked. */
  readonly at: number;
}

/** Blobs of which it is remembered where their bytes are, and for how long (ms): another node may remove one. */
const MAX_KNOWN = 20_000;
const KNOWN_FOR_MS = 60_000;
/** How long a client may take to follow a redirect, and go on with the download after its connection broke. */
const REDIRECT_SECONDS = 5 * 60;

/**
 * Blobs as objects. A small one holds its bytes; a large one names the data objects that were uploaded, so that no bytes are
 * copied. `BlobPlacing` and `BlobRemoval` decide which blobs there are.
 */
export class S3Blobs implements BlobStore {
  readonly minGraceSeconds: number;
  readonly #bucket: S3Bucket;
  readonly #keys: ContentKeys;
  readonly #onDamage: (digest: Digest) => void;
  readonly #now: MonotonicClock;
  readonly #removal: BlobRemoval;
  readonly #placing: BlobPlacing;
  readonly #known = new LruCache<Digest, KnownBlob>(MAX_KNOWN);
  readonly #cache: BlobCache | undefined;
  readonly #redirectAbove: number;
  readonly #touches: BlobTouches;
  readonly total?: NonNullable<BlobStore["total"]>;

  constructor(options: S3BlobsOptions) {
    const { bucket, store, onDamage, cache, redirectAbove, minGraceSeconds = 0, now = monotonicMs } = options;
    this.minGraceSeconds = minGraceSeconds;
    const { totals, placed = new PlacedBlobs(store, undefined, () => Math.floor(now() / 1000)) } = options;
    this.#bucket = bucket;
    this.#cache = cache;
    this.#redirectAbove = redirectAbove ?? Number.POSITIVE_INFINITY;
    this.#keys = new ContentKeys(store);
    this.#onDamage = onDamage;
    this.#now = now;
    this.#touches = new BlobTouches({ bucket, keys: this.#keys, minGraceSeconds, placed, now });
    if (totals) this.total = (step) => totals.read(step);
    const data = new Deletions(bucket);
    this.#removal = new BlobRemoval(bucket, this.#keys, data, now);
    this.#placing = new BlobPlacing({
      bucket,
      keys: this.#keys,
      data,
      removal: this.#removal,
      touches: this.#touches,
    });
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const placed = this.#touches.placedStat(digest);
    if (placed) return placed;
    // For what this node is about to rely on for a push, the store decides whether it is there.
    const cached = this.#touches.isFresh(digest) ? undefined : this.#cache?.get(digest);
    if (cached) return { size: cached.size, isSealed: true, placed: cached.placed };
    const known = await this.#find(digest);
    return known && statOf(known.object);
  }

  async open(digest: Digest): Promise<OpenBlob | undefined> {
    const cached = this.#cache?.get(digest);
    if (cached && cached.size <= this.#redirectAbove) {
      this.#cache?.counts.hit(cached.size);
      return openCached(cached);
    }
    const known = await this.#find(digest);
    if (!known) return undefined;
    const { object, segments } = known;
    const stream = (range?: BlobRange) => segmentStream(this.#bucket, slicesOf(segments, range));
    const body = (range?: BlobRange) => segmentBody(this.#bucket, slicesOf(segments, range));
    const opened = { ...statOf(object), isGuarded: true, stream, body };
    const [segment, ...more] = segments;
    if (object.size > this.#redirectAbove && segment && more.length === 0) {
      const redirect = () => this.#bucket.client.presign(segment.key, REDIRECT_SECONDS);
      return { ...opened, redirect };
    }
    this.#cache?.opened(digest, object.size, stream);
    return opened;
  }

  async read(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const found = await this.#bucket.read(this.#keys.blob(digest));
    const object = found && parseBlobObject(found);
    if (!object || object.absence !== undefined) return undefined;
    try {
      const bytes = object.place === "here" ? found.bytes : await this.#bytesOf(digest);
      if (bytes && digestOf(bytes, digestAlgorithm(digest)) === digest) return bytes;
    } catch (error) {
      if (!(error instanceof MissingObjectError || error instanceof CorruptObjectError)) throw error;
    }
    await this.#setAside(digest, object);
    return undefined;
  }

  async check(digest: Digest, step?: Step): Promise<BlobVerdict> {
    return (await this.#check(digest, step)).verdict;
  }

  async explain(digest: Digest): Promise<string | undefined> {
    try {
      const found = await this.#look(digest);
      return found && (await faultOf(this.#bucket, found.segments));
    } catch (error) {
      if (!(error instanceof CorruptObjectError)) throw error;
      return error.message;
    }
  }

  async verify(digest: Digest, step?: Step): Promise<BlobVerdict> {
    const { verdict, object } = await this.#check(digest, step);
    if (verdict === "damaged" && object) await this.#setAside(digest, object);
    return verdict;
  }

  /** Makes a blob of bytes with this digest, if there is none yet; not later than some minutes after `signedAt`. */
  async place(digest: Digest, blob: NewBlob, signedAt?: Date): Promise<PlacedBlob> {
    this.#known.delete(digest);
    const placed = await this.#placing.place(digest, blob, signedAt);
    if (placed.isNew) this.#touches.placed(digest, sizeOfBlob(blob));
    return placed;
  }

  /** The keys of the data objects of a blob, present or not. */
  async dataKeys(digest: Digest): Promise<readonly string[]> {
    const found = await this.#removal.find(digest);
    return found ? this.#removal.dataKeys(digest, found) : [];
  }

  /** Deletes traces of nodes that count no more. */
  removeOldTouches(): Promise<void> {
    return this.#touches.removeOld();
  }

  async touch(digest: Digest): Promise<void> {
    if (this.#touches.isFresh(digest)) return;
    await this.#touches.leave(digest);
  }

  wasTouchedWithin(seconds: number, digest: Digest): Promise<boolean> {
    return this.#touches.wereLeftWithin(seconds, digest);
  }

  async remove(digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<boolean> {
    this.#known.delete(digest);
    this.#touches.forgetPlaced(digest);
    try {
      const isRemoved = await this.#removal.remove(digest, isUnneeded);
      if (isRemoved) this.#cache?.remove(digest);
      return isRemoved;
    } finally {
      this.#known.delete(digest);
    }
  }

  async *list(): AsyncGenerator<readonly Digest[]> {
    for (const algorithm of DIGEST_ALGORITHMS) {
      for await (const page of this.#bucket.list(this.#keys.blobs(algorithm))) {
        const digests = page.flatMap(
          ({ key }) => parseDigest(`${algorithm}:${key.slice(key.lastIndexOf("/") + 1)}`) ?? [],
        );
        if (digests.length > 0) yield digests;
      }
    }
  }

  async #find(digest: Digest): Promise<KnownBlob | undefined> {
    const known = this.#known.get(digest);
    if (known && this.#now() - known.at < KNOWN_FOR_MS && this.#touches.areOlder(digest, known.at))
      return known;
    const at = this.#now();
    const found = await this.#look(digest);
    if (found) this.#known.set(digest, { ...found, at });
    return found && { ...found, at };
  }

  /** Asks the store; `undefined` if the blob is absent. */
  async #look(digest: Digest): Promise<Omit<KnownBlob, "at"> | undefined> {
    const object = await this.#removal.findPresent(digest);
    if (!object) return undefined;
    const key = this.#keys.blob(digest);
    if (object.place === "here" || object.place === "kept")
      return { object, segments: [{ key, size: object.size }] };
    if (object.place !== "list")
      return { object, segments: [{ key: this.#keys.data(object.place.name), size: object.size }] };
    const read = await this.#bucket.read(key);
    // It was changed meanwhile.
    if (read?.etag !== object.etag) return this.#look(digest);
    const listed = listedSegments(read.bytes, key);
    return { object, segments: listed.map(({ name, size }) => ({ key: this.#keys.data(name), size })) };
  }

  /** Like `#look`; without segments if the object of the blob is damaged. */
  async #lookAtAny(
    digest: Digest,
  ): Promise<{ readonly object: BlobObject; readonly segments?: KnownBlob["segments"] } | undefined> {
    try {
      return await this.#look(digest);
    } catch (error) {
      if (!(error instanceof CorruptObjectError)) throw error;
      const object = await this.#removal.findPresent(digest);
      return object && { object };
    }
  }

  async #bytesOf(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const found = await this.#look(digest);
    return found && Bun.readableStreamToBytes(segmentStream(this.#bucket, slicesOf(found.segments)));
  }

  /** `object`: what was hashed. */
  async #check(
    digest: Digest,
    step?: Step,
  ): Promise<{ readonly verdict: BlobVerdict; readonly object?: BlobObject }> {
    const found = await this.#lookAtAny(digest);
    if (!found) return { verdict: "missing" };
    const { object, segments } = found;
    if (!segments) return { verdict: "damaged", object };
    if ((await this.#hash(digest, segments, step)) === digest) return { verdict: "sound", object };
    const after = await this.#look(digest);
    // It may have been removed, or pushed again, meanwhile.
    if (after?.object.etag !== object.etag) return this.#check(digest, step);
    return { verdict: "damaged", object };
  }

  /** `undefined` if bytes are gone. */
  async #hash(
    digest: Digest,
    segments: KnownBlob["segments"],
    step: Step | undefined,
  ): Promise<Digest | undefined> {
    const algorithm = digestAlgorithm(digest);
    const hasher = new Bun.CryptoHasher(algorithm);
    try {
      for await (const chunk of segmentStream(this.#bucket, slicesOf(segments))) {
        hasher.update(chunk);
        await step?.();
      }
    } catch (error) {
      if (await faultOf(this.#bucket, segments)) return undefined;
      throw error;
    }
    return finishDigest(algorithm, hasher);
  }

  /** Keeps the bytes, for whoever wants to see what became of them, until a new push replaces them. */
  async #setAside(digest: Digest, object: BlobObject): Promise<void> {
    this.#known.delete(digest);
    this.#touches.forgetPlaced(digest);
    // Another thread or node has found it out at the same time, or it was replaced.
    if (!(await this.#removal.mark(digest, object, "damaged"))) return;
    this.#onDamage(digest);
  }
}
