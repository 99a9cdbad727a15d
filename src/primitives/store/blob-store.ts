import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { DIGEST_ALGORITHMS, type Digest, digestAlgorithm, digestHex } from "../digest.ts";
import { syncDirectory } from "./durable.ts";
import { isMissingFile } from "./files.ts";

/** Raw bytes by digest, each once: `blobs/<algorithm>/<first two hex>/<hex>`. */
export class BlobStore {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async open(dir: string): Promise<BlobStore> {
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
    return new BlobStore(dir);
  }

  /** Where the blob's bytes lie if it is present; they never change, so the kernel may send them from there. */
  path(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.#dir}/${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}`;
  }

  /** Bytes of the blob, `undefined` if it is absent. */
  size(digest: Digest): number | undefined {
    try {
      return statSync(this.path(digest)).size;
    } catch (error) {
      if (isMissingFile(error)) return undefined;
      throw error;
    }
  }

  /** The bytes of a small blob that is present. */
  read(digest: Digest): Uint8Array<ArrayBuffer> {
    return readFileSync(this.path(digest));
  }

  /**
   * Takes over a synced file whose bytes have this digest. An equal blob that is there already gives way: it holds the
   * same bytes, or damaged ones that are healed so.
   */
  async place(digest: Digest, source: string): Promise<void> {
    const path = this.path(digest);
    // Off the event loop: while the disk takes in large blobs of others, it can wait for that.
    await rename(source, path);
    await syncDirectory(path.slice(0, path.lastIndexOf("/")));
  }

  remove(digest: Digest): void {
    rmSync(this.path(digest), { force: true });
  }
}
