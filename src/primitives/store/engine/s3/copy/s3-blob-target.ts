import { type Digest, digestAlgorithm, digestHex, finishDigest, parseDigest } from "../../../../digest.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3Multipart } from "../../../../s3/s3-multipart.ts";
import type { BlobTarget } from "../../storage-target.ts";
import { contentBytesIn } from "../content/content-bytes.ts";
import { ContentKeys, newNonce } from "../content/content-keys.ts";
import { PartMemory } from "../content/part-memory.ts";
import { S3Blobs } from "../content/s3-blobs.ts";
import { SegmentWriter, type SegmentWriterOptions } from "../content/segment-writer.ts";

/** Of the parts of all blobs that are on their way. */
const MEMORY_BYTES = 192 * 1024 * 1024;
/** What the names of data objects of copied blobs begin with; the digest and a nonce follow. */
const COPIED = "copied.";
const ORPHANS_AT_ONCE = 16;
const EMPTY = new Uint8Array();

/** The blobs of a store in a bucket that no node uses. */
export class S3BlobTarget implements BlobTarget {
  readonly #bucket: S3Bucket;
  readonly #store: string;
  readonly #keys: ContentKeys;
  readonly #blobs: S3Blobs;
  readonly #parts: SegmentWriterOptions;
  /** Whether there may be bytes that no blob names. */
  mayHaveOrphans: boolean;

  constructor(bucket: S3Bucket, store: string, mayHaveOrphans: boolean) {
    this.mayHaveOrphans = mayHaveOrphans;
    this.#bucket = bucket;
    this.#store = store;
    this.#keys = new ContentKeys(store);
    this.#parts = { bucket, keys: this.#keys, memory: new PartMemory({ bytes: MEMORY_BYTES }) };
    this.#blobs = new S3Blobs({ bucket, store, onDamage: () => undefined });
  }

  /** Ends uploads in parts that a killed copy has left. */
  async recover(): Promise<void> {
    const multipart = new S3Multipart(this.#bucket);
    for (const upload of await multipart.list(this.#keys.allData)) await multipart.abort(upload);
  }

  list(): AsyncIterable<readonly Digest[]> {
    return this.#blobs.list();
  }

  bytes(): Promise<number> {
    return contentBytesIn(this.#bucket, this.#store);
  }

  async put(digest: Digest, bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
    const algorithm = digestAlgorithm(digest);
    const name = `${COPIED}${algorithm}-${digestHex(digest)}.${newNonce()}`;
    const writer = new SegmentWriter(this.#parts, { name, before: [], tail: EMPTY });
    const hasher = new Bun.CryptoHasher(algorithm);
    try {
      for await (const chunk of bytes) {
        hasher.update(chunk);
        await writer.write(chunk);
      }
      if (finishDigest(algorithm, hasher) !== digest) {
        await writer.abandon();
        return false;
      }
      const blob = writer.hasParts ? await writer.complete() : await writer.bytes();
      // If this fails, the blob may name them all the same.
      writer.isNamed = true;
      await this.#blobs.place(digest, blob);
      return true;
    } catch (error) {
      this.mayHaveOrphans = true;
      await writer.abandon().catch(() => undefined);
      throw error;
    } finally {
      writer.release();
    }
  }

  /** What was put is durable. */
  async flush(): Promise<void> {}

  /** Deletes the bytes of blobs that a copy has written and that no blob names, because it was killed before. */
  async removeOrphans(): Promise<void> {
    for await (const page of this.#bucket.list(this.#keys.data(COPIED))) {
      const keys = page.map(({ key }) => key);
      for (let from = 0; from < keys.length; from += ORPHANS_AT_ONCE) {
        const some = keys.slice(from, from + ORPHANS_AT_ONCE);
        const orphans = await Promise.all(some.map(async (key) => ((await this.#isNamed(key)) ? [] : [key])));
        await this.#bucket.removeAll(orphans.flat());
      }
    }
  }

  async #isNamed(key: string): Promise<boolean> {
    const [, algorithm, hex] = key.slice(this.#keys.data(COPIED).length).match(/^(\w+)-([0-9a-f]+)\./) ?? [];
    const digest = parseDigest(`${algorithm}:${hex}`);
    return digest === undefined || (await this.#blobs.dataKeys(digest)).includes(key);
  }
}
