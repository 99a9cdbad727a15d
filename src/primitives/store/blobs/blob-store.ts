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
} from "../../digest.ts";
import { changeEntries, syncDirectory } from "../../fs/durable.ts";
import { hashFile, isMissingFile, isSystemError, type Step } from "../../fs/files.ts";

/**
 * When a sealed file was last written, in seconds since the epoch: its bytes were hashed, and nobody has written to it
 * since, or it would bear another time.
 */
export const SEALED_AT = 1;

export interface BlobFile {
  /** Bytes. */
  readonly size: number;
  readonly isSealed: boolean;
  /** When it came. */
  readonly placed: Date;
}

/** Raw bytes by digest, each once: `blobs/<algorithm>/<first two hex>/<hex>`. */
export class BlobStore {
  readonly #dir: string;
  readonly #onDamage: (digest: Digest) => void;

  private constructor(dir: string, onDamage: (digest: Digest) => void) {
    this.#dir = dir;
    this.#onDamage = onDamage;
  }

  /** `onDamage` is told of blobs that were set aside because their bytes are not what their digest says. */
  static async open(dir: string, onDamage: (digest: Digest) => void): Promise<BlobStore> {
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
    return new BlobStore(dir, onDamage);
  }

  /** Where the blob's bytes lie if it is present; they never change, so the kernel may send them from there. */
  path(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.#dir}/${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}`;
  }

  /** `undefined` if it is absent. */
  file(digest: Digest): BlobFile | undefined {
    const stat = statSync(this.path(digest), { throwIfNoEntry: false });
    return stat && { size: stat.size, isSealed: stat.mtimeMs === SEALED_AT * 1000, placed: stat.ctime };
  }

  /** Bytes of the blob, `undefined` if it is absent. */
  size(digest: Digest): number | undefined {
    return this.file(digest)?.size;
  }

  /** The bytes of a small blob, `undefined` if it is absent or damaged; then it is set aside. */
  read(digest: Digest): Uint8Array<ArrayBuffer> | undefined {
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

  /** Hashes a blob again; `step` is called between parts of it, and may wait or throw. */
  async check(digest: Digest, step?: Step): Promise<"sound" | "damaged" | "missing"> {
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

  /** Like `check`; a damaged blob is set aside, so that it is missing and a new push heals it. */
  async verify(digest: Digest, step?: Step): Promise<"sound" | "damaged" | "missing"> {
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

  /**
   * Removes a blob that nobody needs. `isUnneeded` is asked when it is out of sight already: whoever looked for it before
   * has left a trace by then, and whoever looks later finds that it is gone. Resolves to false if it is needed after all.
   */
  async remove(digest: Digest, isUnneeded: () => boolean): Promise<boolean> {
    const removed = `${this.#dir}/removed/${digestAlgorithm(digest)}-${digestHex(digest)}`;
    try {
      renameSync(this.path(digest), removed);
    } catch (error) {
      // Another thread has found it damaged and set it aside.
      if (isMissingFile(error)) return false;
      throw error;
    }
    const unneeded = isUnneeded();
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

  /** Every blob that is present, directory by directory. */
  *list(): Generator<Digest> {
    for (const algorithm of DIGEST_ALGORITHMS) {
      for (let i = 0; i < 256; i++) {
        for (const hex of readdirSync(`${this.#dir}/${algorithm}/${i.toString(16).padStart(2, "0")}`)) {
          const digest = parseDigest(`${algorithm}:${hex}`);
          if (digest) yield digest;
        }
      }
    }
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
