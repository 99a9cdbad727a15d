import { mkdirSync, readdirSync } from "node:fs";
import { removeQuietly } from "../../../../fs/durable.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import type { GitObject } from "../../../git/object.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import type { StoredPack } from "./checkpoint.ts";
import type { LogKeys } from "./log-keys.ts";
import { PackPieces } from "./pack-pieces.ts";
import { RemotePack, type RemotePackOptions } from "./remote-pack.ts";

/** Bytes of whole packs that are kept on the node's disk; their indexes, 44 bytes an object, come on top. */
const MAX_KEPT_BYTES = 4 * 1024 ** 3;

/** Finds the objects of merged entries in the packs of a checkpoint. */
export class PackedObjects {
  readonly #options: RemotePackOptions;
  /** The newest ones first. */
  #packs: readonly RemotePack[] = [];
  /** The pack that had the last object: the next one, of the same time, is mostly there too. */
  #recent: RemotePack | undefined;
  #keptBytes = 0;
  #isClean = false;

  constructor(bucket: S3Bucket, keys: LogKeys, localDir: string) {
    const dir = `${localDir}/packs`;
    mkdirSync(dir, { recursive: true });
    const mayKeep = (bytes: number) => {
      if (this.#keptBytes + bytes > MAX_KEPT_BYTES) return false;
      this.#keptBytes += bytes;
      return true;
    };
    const dropped = (bytes: number) => {
      this.#keptBytes -= bytes;
    };
    this.#options = { bucket, keys, dir, pieces: new PackPieces(bucket, keys), mayKeep, dropped };
  }

  /** The packs that hold all objects from now on. */
  use(stored: readonly StoredPack[]): void {
    const known = new Map(this.#packs.map((pack) => [pack.stored.name, pack]));
    this.#packs = stored.toReversed().map((one) => known.get(one.name) ?? new RemotePack(one, this.#options));
    this.#recent = this.#packs.find((pack) => pack === this.#recent);
    const names = new Set(stored.map(({ name }) => name));
    for (const [name, pack] of known) if (!names.has(name)) void pack.drop();
    if (!this.#isClean) this.#clean(names);
    this.#isClean = true;
  }

  /** Removes what an earlier run of the node has left; not while files are being fetched. */
  #clean(names: ReadonlySet<string>): void {
    for (const file of readdirSync(this.#options.dir)) {
      const [name = "", ...suffixes] = file.split(".");
      if (!names.has(name) || suffixes.length > 1) removeQuietly(`${this.#options.dir}/${file}`);
    }
  }

  /** Throws `PackGoneError` if other packs must be used. */
  async get(id: ObjectId): Promise<GitObject | undefined> {
    for (const pack of this.#inOrder()) {
      const object = await pack.get(id);
      if (!object) continue;
      this.#recent = pack;
      return object;
    }
    return undefined;
  }

  /** Throws `PackGoneError` if other packs must be used. */
  async has(id: ObjectId): Promise<boolean> {
    for (const pack of this.#inOrder()) if (await pack.has(id)) return true;
    return false;
  }

  /** All packs, in the order in which an object is looked up. */
  *#inOrder(): Generator<RemotePack> {
    const [packs, recent] = [this.#packs, this.#recent];
    if (recent) yield recent;
    for (const pack of packs) if (pack !== recent) yield pack;
  }

  /** The ids of all objects in pages, and at the end `unmerged`: they may be merged meanwhile into a pack that is not looked at. */
  async *idPages(unmerged: readonly ObjectId[]): AsyncGenerator<readonly ObjectId[]> {
    for (const pack of this.#packs.toReversed()) yield* await pack.idPages();
    yield unmerged;
  }

  /** See `ObjectStore.verify`. */
  async verify(step: (progress: string) => Promise<boolean>): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const pack of this.#packs) {
      const problem = await pack.problem();
      if (problem !== undefined) problems.push(problem);
      if (!(await step(`checking ${pack.stored.name}`))) break;
    }
    return problems;
  }

  /** The newest ones first. */
  get packs(): readonly RemotePack[] {
    return this.#packs;
  }

  /** Closes all files; they are opened again when they are needed. */
  async close(): Promise<void> {
    const open = this.#packs;
    this.#recent = undefined;
    this.#packs = open.map(({ stored }) => new RemotePack(stored, this.#options));
    await Promise.all(open.map((pack) => pack.close()));
  }
}
