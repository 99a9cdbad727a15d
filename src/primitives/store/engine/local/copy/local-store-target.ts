import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { DIGEST_ALGORITHMS, type Digest, digestAlgorithm, digestHex } from "../../../../digest.ts";
import { removeFile, replaceFile, syncDirectory } from "../../../../fs/durable.ts";
import { makeDirectory } from "../../../../fs/durable-directory.ts";
import { DamagedFileError, removeTemporaries, writeVerified } from "../../../../fs/verified-copy.ts";
import { encodeEntry } from "../../../git/pack.ts";
import { LINKS } from "../../sqlite-links/links-schema.ts";
import type { BlobTarget, StoreHistory, StoreTarget } from "../../storage-target.ts";
import { writeLinks } from "../links-database.ts";
import { LocalBlobs, SEALED_AT } from "../local-blobs.ts";
import { LocalObjects } from "../local-objects.ts";
import { otherRefsIn } from "../other-refs.ts";
import { ensureRepository, MAIN_REF } from "../repository.ts";

/** The blobs of a store in a directory that no server uses. */
export class LocalBlobTarget implements BlobTarget {
  readonly #dir: string;
  readonly #blobs: LocalBlobs;

  private constructor(dir: string, blobs: LocalBlobs) {
    this.#dir = dir;
    this.#blobs = blobs;
  }

  static async open(dir: string): Promise<LocalBlobTarget> {
    makeDirectory(dir, 0o700);
    const target = new LocalBlobTarget(dir, await LocalBlobs.open(dir, () => undefined));
    for (const directory of target.#directories()) removeTemporaries(directory);
    return target;
  }

  list(): AsyncIterable<readonly Digest[]> {
    return this.#blobs.list();
  }

  bytes(): Promise<number> {
    return this.#blobs.bytes();
  }

  async put(digest: Digest, bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
    const expected = digestHex(digest);
    try {
      await writeVerified(bytes, digest, this.#blobs.path(digest), {
        algorithm: digestAlgorithm(digest),
        isSound: (hash) => hash.toHex() === expected,
        writtenAt: SEALED_AT,
      });
      return true;
    } catch (error) {
      if (error instanceof DamagedFileError) return false;
      throw error;
    }
  }

  /** The bytes of each blob are durable when it has its name; so is the name then. */
  async flush(): Promise<void> {
    for (const directory of [...this.#directories(), this.#dir]) await syncDirectory(directory);
  }

  #directories(): string[] {
    return DIGEST_ALGORITHMS.flatMap((algorithm) =>
      readdirSync(`${this.#dir}/${algorithm}`).map((prefix) => `${this.#dir}/${algorithm}/${prefix}`),
    );
  }
}

/** A store in a directory that no server uses. */
export class LocalStoreTarget implements StoreTarget {
  readonly blobs: LocalBlobTarget | undefined;
  readonly #dir: string;

  private constructor(dir: string, blobs: LocalBlobTarget | undefined) {
    this.#dir = dir;
    this.blobs = blobs;
  }

  static async open(dir: string, hasContent: boolean): Promise<LocalStoreTarget> {
    makeDirectory(dir, 0o700);
    await ensureRepository(dir);
    return new LocalStoreTarget(dir, hasContent ? await LocalBlobTarget.open(`${dir}/blobs`) : undefined);
  }

  async putHistory({ head, otherRefs, objects, links }: StoreHistory): Promise<void> {
    await this.#putObjects(objects);
    if (this.blobs) await writeLinks(`${this.#dir}/${LINKS}`, links);
    const refs = new Map([...otherRefs, ...(head === undefined ? [] : ([[MAIN_REF, head]] as const))]);
    for (const ref of [...otherRefsIn(this.#dir).keys(), MAIN_REF]) {
      if (refs.has(ref) || !existsSync(`${this.#dir}/${ref}`)) continue;
      removeFile(`${this.#dir}/${ref}`);
      await syncDirectory(dirname(`${this.#dir}/${ref}`));
    }
    for (const [ref, id] of refs) {
      makeDirectory(dirname(`${this.#dir}/${ref}`));
      await replaceFile(`${this.#dir}/${ref}`, Buffer.from(`${id}\n`));
    }
    await syncDirectory(this.#dir);
  }

  /** The server merges the packs, once it uses them. */
  async #putObjects(groups: StoreHistory["objects"]): Promise<void> {
    const objects = new LocalObjects(
      `${this.#dir}/objects`,
      () => undefined,
      () => false,
    );
    try {
      for await (const group of groups) await objects.putEntries(group.map(encodeEntry));
    } finally {
      await objects.close();
    }
  }
}
