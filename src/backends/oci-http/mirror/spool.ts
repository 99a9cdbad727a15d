import { mkdirSync } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { writeFully } from "../../../primitives/fs/files.ts";
import { spoolFolder } from "../store/spool-folder.ts";

/** A file of this machine for the bytes of a fetch, where the storage has none that clients could read meanwhile. */
export class SpoolFile {
  readonly path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  static async create(directory: string): Promise<SpoolFile> {
    const folder = spoolFolder(directory);
    mkdirSync(folder, { recursive: true });
    const path = `${folder}/${crypto.randomUUID()}`;
    return new SpoolFile(path, await open(path, "wx", 0o600));
  }

  write(chunk: Uint8Array, position: number): Promise<void> {
    return writeFully(this.#file, chunk, position);
  }

  /** Whoever reads it goes on. */
  async remove(): Promise<void> {
    await this.#file.close();
    await unlink(this.path);
  }
}
