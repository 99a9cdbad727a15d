import { existsSync, linkSync, mkdirSync, renameSync, statSync, utimesSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { type Digest, digestAlgorithm, digestHex, finishDigest } from "../../../primitives/digest.ts";
import { removeQuietly, replaceFile, syncDirectory, syncFileData } from "../../../primitives/fs/durable.ts";
import { writeFully } from "../../../primitives/fs/files.ts";

const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
const REF_NAME = "org.opencontainers.image.ref.name";
const TEMPORARY = ".writing";

export interface LayoutEntry {
  readonly tag: string | undefined;
  readonly digest: Digest;
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
}

/** Writes an OCI layout. A file has its name only once it is whole; the index comes last. */
export class LayoutWriter {
  readonly #directory: string;
  /** The paths of blobs that other layouts of the same export have. */
  readonly #written: Map<Digest, string>;

  private constructor(directory: string, written: Map<Digest, string>) {
    this.#directory = directory;
    this.#written = written;
  }

  static async open(directory: string, written: Map<Digest, string>): Promise<LayoutWriter> {
    mkdirSync(`${directory}/blobs/sha256`, { recursive: true });
    await replaceFile(`${directory}/oci-layout`, Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
    return new LayoutWriter(directory, written);
  }

  /** The size of a blob that is written already, here or in another layout; `isNew`: it was not seen in this run. */
  async sizeOf(digest: Digest): Promise<{ readonly size: number; readonly isNew: boolean } | undefined> {
    const path = this.#pathOf(digest);
    const other = this.#written.get(digest);
    if (!existsSync(path)) {
      if (other === undefined) return undefined;
      // Both files are this export's own. Where the file system has no links, the blob is copied again.
      try {
        linkSync(other, path);
      } catch {
        return undefined;
      }
    }
    this.#written.set(digest, path);
    return { size: statSync(path).size, isNew: other === undefined };
  }

  /** Resolves with whether the bytes have the digest; others are not kept. */
  async putBlob(
    digest: Digest,
    body: AsyncIterable<Uint8Array>,
    copied: (bytes: number) => void,
  ): Promise<boolean> {
    const path = this.#pathOf(digest);
    const temporary = path + TEMPORARY;
    const hasher = new Bun.CryptoHasher(digestAlgorithm(digest));
    const handle = await open(temporary, "w");
    try {
      let at = 0;
      for await (const chunk of body) {
        hasher.update(chunk);
        await writeFully(handle, chunk, at);
        at += chunk.length;
        copied(chunk.length);
      }
      await syncFileData(handle.fd);
    } finally {
      await handle.close();
    }
    if (finishDigest(digestAlgorithm(digest), hasher) !== digest) {
      removeQuietly(temporary);
      return false;
    }
    renameSync(temporary, path);
    this.#written.set(digest, path);
    return true;
  }

  /** `seconds`: when it was pushed, since the epoch. */
  async putManifest(digest: Digest, content: Uint8Array, seconds: number | undefined): Promise<void> {
    const path = this.#pathOf(digest);
    if (!existsSync(path)) await replaceFile(path, content);
    if (seconds !== undefined) utimesSync(path, seconds, seconds);
  }

  async finish(entries: readonly LayoutEntry[]): Promise<void> {
    const manifests = entries.map(({ tag, digest, mediaType, size }) => ({
      mediaType,
      digest,
      size,
      ...(tag !== undefined && { annotations: { [REF_NAME]: tag } }),
    }));
    const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests };
    await syncDirectory(`${this.#directory}/blobs/sha256`);
    await replaceFile(`${this.#directory}/index.json`, Buffer.from(`${JSON.stringify(index)}\n`));
  }

  #pathOf(digest: Digest): string {
    const path = `${this.#directory}/blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }
}
