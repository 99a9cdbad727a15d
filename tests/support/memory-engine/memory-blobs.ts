import {
  DIGEST_ALGORITHMS,
  type Digest,
  digestAlgorithm,
  digestHex,
  digestOf,
} from "../../../src/primitives/digest.ts";
import type { Step } from "../../../src/primitives/fs/files.ts";
import type {
  BlobRange,
  BlobStat,
  BlobStore,
  BlobVerdict,
  OpenBlob,
} from "../../../src/primitives/store/engine/blobs.ts";

interface KeptBlob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly placed: Date;
}

export type KeptBlobs = Map<Digest, KeptBlob>;

/** Blobs in memory; no kernel can send them, so that they are always streamed. */
export class MemoryBlobs implements BlobStore {
  readonly #kept: KeptBlobs;
  readonly #onDamage: (digest: Digest) => void;

  constructor(kept: KeptBlobs, onDamage: (digest: Digest) => void) {
    this.#kept = kept;
    this.#onDamage = onDamage;
  }

  /** Answers whether there was none. */
  place(digest: Digest, bytes: Uint8Array): boolean {
    const isNew = !this.#kept.has(digest);
    this.#kept.set(digest, { bytes: new Uint8Array(bytes), placed: new Date() });
    return isNew;
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const blob = this.#kept.get(digest);
    return blob && { size: blob.bytes.length, isSealed: true, placed: blob.placed };
  }

  async open(digest: Digest): Promise<OpenBlob | undefined> {
    const stat = await this.stat(digest);
    const bytes = this.#kept.get(digest)?.bytes;
    if (!stat || !bytes) return undefined;
    const stream = (range?: BlobRange) =>
      new Blob([range ? bytes.slice(range.first, range.last + 1) : bytes]).stream() as ReadableStream<
        Uint8Array<ArrayBuffer>
      >;
    return { ...stat, stream };
  }

  async read(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await this.verify(digest)) === "sound" ? this.#kept.get(digest)?.bytes : undefined;
  }

  async check(digest: Digest, step?: Step): Promise<BlobVerdict> {
    const blob = this.#kept.get(digest);
    if (!blob) return "missing";
    await step?.();
    return digestOf(blob.bytes, digestAlgorithm(digest)) === digest ? "sound" : "damaged";
  }

  async verify(digest: Digest, step?: Step): Promise<BlobVerdict> {
    const verdict = await this.check(digest, step);
    if (verdict === "damaged" && this.#kept.delete(digest)) this.#onDamage(digest);
    return verdict;
  }

  async remove(digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<boolean> {
    const blob = this.#kept.get(digest);
    if (!blob) return false;
    this.#kept.delete(digest);
    const unneeded = await isUnneeded();
    if (!unneeded && !this.#kept.has(digest)) this.#kept.set(digest, blob);
    return unneeded;
  }

  async *list(): AsyncGenerator<readonly Digest[]> {
    for (const algorithm of DIGEST_ALGORITHMS) {
      for (let i = 0; i < 256; i++) {
        const prefix = i.toString(16).padStart(2, "0");
        const page = [...this.#kept.keys()].filter(
          (digest) => digestAlgorithm(digest) === algorithm && digestHex(digest).startsWith(prefix),
        );
        if (page.length > 0) yield page;
      }
    }
  }
}
