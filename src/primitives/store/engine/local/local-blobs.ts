import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { rename, unlink } from "node:fs/promises";
import {
  DIGEST_ALGORITHMS,
  type Digest,
  digestAlgorithm,
  digestHex,
  digestOf,
  parseDigest,
} from "../../../digest.ts";
import { changeEntries, syncDirectory } from "../../../fs/durable.ts";
import { hashFile, isMissingFile, isSystemError, type Step } from "../../../fs/files.ts";
import type { BlobRange, BlobStat, BlobStore, BlobVerdict, OpenBlob } from "../blobs.ts";

/**
 * When a sealed file was last written, in seconds since the epoch: its bytes were hashed, and nobody has written to it
 * since, or it would bear another time.
 */
export const SEALED_AT = 1;

/** Blobs as files: `blobs/<algorithm>/<first two hex>/<hex>`. */
export class LocalBlobs implements BlobStore {
  readonly #dir: string;
  readonly #onDamage: (digest: Digest) => void;

  private constructor(dir: string, onDamage: (digest: Digest) => void) {
    this.#dir = dir;
    this.#onDamage = onDamage;
  }

  /** `onDamage` is told of blobs that were set aside because their bytes are not what their digest says. */
  static async open(dir: string, onDamage: (digest: Digest) => void): Promise<LocalBlobs> {
    // All directories are made at once, so that placing a blob has a single directory to sync.
    const algorithms = DIGEST_ALGORITHMS.map((algorithm) => `${dir}/${algorithm}`);
    if (!existsSync(`${algorithms.at(-1)}/ff`)) {
      for (const algorithm of algorithms) {
        for (let i = 0; i < 256; i++)
          mkdirSync(`${algorithm}/${i.toString(16).padStart(2, "0")}`, { recursive: true });
        await syncDirectory(algorithm);
      }
      await syncDirectory(dir);
    }
    for (const name of ["removed", "damaged"]) mkdirSync(`${dir}/${name}`, { recursive: true });
    return new LocalBlobs(dir, onDamage);
  }

  /** Where the blob's bytes lie if it is present; they never change, so the kernel may send them from there. */
  path(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.#dir}/${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}`;
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    return statOf(this.path(digest));
  }

  async open(digest: Digest): Promise<OpenBlob | undefined> {
    const path = this.path(digest);
    const stat = statOf(path);
    if (!stat) return undefined;
    const file = Bun.file(path);
    const stream = (range?: BlobRange) =>
      (range ? file.slice(range.first, range.last + 1) : file).stream() as ReadableStream<
        Uint8Array<ArrayBuffer>
      >;
    return { ...stat, file, stream };
  }

  async read(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const bytes = readFileSync(this.path(digest));
      if (digestOf(bytes, digestAlgorithm(digest)) === digest) return bytes;
    } catch (error) {
      if (isMissingFile(error)) return undefined;
      throw error;
    }
    this.#setAside(digest);
    return undefined;
  }

  async check(digest: Digest, step?: Step): Promise<BlobVerdict> {
    const path = this.path(digest);
    try {
      const before = statSync(path);
      const hasher = await hashFile(path, digestAlgorithm(digest), { step });
      // A new push can have put a sound one in its place meanwhile.
      if (statSync(path).ino !== before.ino) return this.check(digest, step);
      if (hasher.digest("hex") !== digestHex(digest)) return "damaged";
      if (before.mtimeMs !== SEALED_AT * 1000) utimesSync(path, SEALED_AT, SEALED_AT);
      return "sound";
    } catch (error) {
      if (isMissingFile(error)) return "missing";
      throw error;
    }
  }

  async verify(digest: Digest, step?: Step): Promise<BlobVerdict> {
    const verdict = await this.check(digest, step);
    if (verdict === "damaged") this.#setAside(digest);
    return verdict;
  }

  /**
   * Takes over a synced file whose bytes have this digest. An equal blob that is there already gives way: it holds the
   * same bytes, or damaged ones that are healed so. Answers whether there was none.
   */
  async place(digest: Digest, source: string): Promise<boolean> {
    const path = this.path(digest);
    // Most blobs that are placed are new, and a stat of nothing costs many times what this does.
    const isNew = !existsSync(path);
    await changeEntries(path.slice(0, path.lastIndexOf("/")), async () => {
      utimesSync(source, SEALED_AT, SEALED_AT);
      // Off the event loop: while the disk takes in large blobs of others, it can wait for that.
      await rename(source, path);
    });
    return isNew;
  }

  async remove(digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<boolean> {
    const removed = `${this.#dir}/removed/${digestAlgorithm(digest)}-${digestHex(digest)}`;
    try {
      renameSync(this.path(digest), removed);
    } catch (error) {
      // Another thread has found it damaged and set it aside.
      if (isMissingFile(error)) return false;
      throw error;
    }
    const unneeded = await isUnneeded();
    if (!unneeded) this.#putBack(removed, digest);
    // Off the event loop: a file system gives back the room of a file in a time that others would notice.
    await unlink(removed);
    return unneeded;
  }

  /** Blobs that a crash caught between the two halves of a removal are there again. */
  recover(): void {
    for (const name of readdirSync(`${this.#dir}/removed`)) {
      const digest = parseDigest(name.replace("-", ":"));
      if (digest) this.#putBack(`${this.#dir}/removed/${name}`, digest);
      rmSync(`${this.#dir}/removed/${name}`, { force: true });
    }
  }

  async *list(): AsyncGenerator<readonly Digest[]> {
    for (const algorithm of DIGEST_ALGORITHMS) {
      for (let i = 0; i < 256; i++) {
        const names = readdirSync(`${this.#dir}/${algorithm}/${i.toString(16).padStart(2, "0")}`);
        if (names.length > 0) yield names.flatMap((hex) => parseDigest(`${algorithm}:${hex}`) ?? []);
      }
    }
  }

  /** Of all blobs. */
  async bytes(): Promise<number> {
    let bytes = 0;
    for await (const page of this.list())
      for (const digest of page) bytes += statOf(this.path(digest))?.size ?? 0;
    return bytes;
  }

  /** An equal blob that came meanwhile stays. */
  #putBack(source: string, digest: Digest): void {
    try {
      linkSync(source, this.path(digest));
    } catch (error) {
      if (!isSystemError(error, "EEXIST")) throw error;
    }
  }

  #setAside(digest: Digest): void {
    try {
      renameSync(this.path(digest), `${this.#dir}/damaged/${digestAlgorithm(digest)}-${digestHex(digest)}`);
    } catch (error) {
      // Another thread has found it out at the same time.
      if (isMissingFile(error)) return;
      throw error;
    }
    this.#onDamage(digest);
  }
}

function statOf(path: string): BlobStat | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && { size: stat.size, isSealed: stat.mtimeMs === SEALED_AT * 1000, placed: stat.ctime };
}
