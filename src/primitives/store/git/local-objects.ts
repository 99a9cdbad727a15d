import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { syncDirectory, writeSynced } from "../durable.ts";
import { isMissingFile } from "../files.ts";
import type { ObjectStore } from "../objects.ts";
import { readLooseObject } from "./loose.ts";
import type { GitObject, NamedObject } from "./object.ts";
import type { ObjectId } from "./object-id.ts";
import { encodePack } from "./pack.ts";
import { PackFile } from "./pack-file.ts";
import { encodePackIndex } from "./pack-index.ts";

/**
 * The `objects` directory of a Git repository. Each batch is written as one pack with its index: two files and three
 * syncs whatever the number of objects. Packs and loose objects that stock git adds are read as well.
 */
export class LocalObjects implements ObjectStore {
  readonly #dir: string;
  readonly #packDir: string;
  /** Open packs by file stem, the newest last. */
  readonly #packs = new Map<string, PackFile>();

  constructor(objectsDir: string) {
    this.#dir = objectsDir;
    this.#packDir = `${objectsDir}/pack`;
    this.#removeTemporaryFiles();
    this.#scan();
  }

  async get(id: ObjectId): Promise<GitObject | undefined> {
    return this.#get(id);
  }

  async has(id: ObjectId): Promise<boolean> {
    return this.#get(id) !== undefined;
  }

  async put(objects: readonly NamedObject[]): Promise<void> {
    if (objects.length === 0) return;
    const pack = encodePack(objects);
    const stem = `pack-${pack.checksum.toHex()}`;
    if (this.#packs.has(stem)) return;
    const temporary = `${this.#packDir}/tmp_${crypto.randomUUID()}`;
    await Promise.all([
      writeSynced(`${temporary}.pack`, pack.bytes),
      writeSynced(`${temporary}.idx`, encodePackIndex(pack.entries, pack.checksum)),
    ]);
    // Git finds a pack by its index, so the index must be the last to appear.
    renameSync(`${temporary}.pack`, `${this.#packDir}/${stem}.pack`);
    renameSync(`${temporary}.idx`, `${this.#packDir}/${stem}.idx`);
    await syncDirectory(this.#packDir);
    this.#open(stem);
  }

  close(): void {
    for (const pack of this.#packs.values()) pack.close();
    this.#packs.clear();
  }

  #get(id: ObjectId): GitObject | undefined {
    const found = this.#find(id);
    if (found) return found;
    // Stock git may have packed, repacked or added objects since the directory was read.
    return this.#scan() ? this.#find(id) : undefined;
  }

  #find(id: ObjectId): GitObject | undefined {
    for (const pack of [...this.#packs.values()].reverse()) {
      const object = pack.get(id, (base) => this.#find(base));
      if (object) return object;
    }
    return readLooseObject(this.#dir, id);
  }

  /** Opens packs that appeared and closes those that went; true if anything changed. */
  #scan(): boolean {
    const present = new Set(
      readdirSync(this.#packDir)
        .filter((name) => name.startsWith("pack-") && name.endsWith(".idx"))
        .map((name) => name.slice(0, -".idx".length)),
    );
    let changed = false;
    for (const [stem, pack] of this.#packs) {
      if (present.has(stem)) continue;
      pack.close();
      this.#packs.delete(stem);
      changed = true;
    }
    for (const stem of present) {
      if (!this.#packs.has(stem)) changed = this.#open(stem) || changed;
    }
    return changed;
  }

  #open(stem: string): boolean {
    try {
      this.#packs.set(stem, new PackFile(`${this.#packDir}/${stem}`));
      return true;
    } catch (error) {
      // A repack of stock git can remove it between our listing and our opening.
      if (isMissingFile(error)) return false;
      throw error;
    }
  }

  #removeTemporaryFiles(): void {
    if (!existsSync(this.#packDir)) return;
    for (const name of readdirSync(this.#packDir)) {
      if (/^tmp_[0-9a-f-]{36}\.(pack|idx)$/.test(name)) rmSync(`${this.#packDir}/${name}`);
    }
  }
}
