import type { Commit } from "../git/commit.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { StorePath } from "./store-path.ts";
import { entryAt, type ListedFile, listFiles } from "./tree-walk.ts";

/** The files of a store at one commit, or the empty store before the first one. */
export class Snapshot {
  readonly commitId: ObjectId | undefined;
  readonly tree: ObjectId | undefined;
  readonly #objects: ObjectReader;

  constructor(
    objects: ObjectReader,
    commitId: ObjectId | undefined,
    commit: Pick<Commit, "tree"> | undefined,
  ) {
    this.#objects = objects;
    this.commitId = commitId;
    this.tree = commit?.tree;
  }

  /** The id of the file's Git object: equal ids mean equal content. */
  async fileId(path: StorePath): Promise<ObjectId | undefined> {
    const entry = this.tree && (await entryAt(this.#objects.tree, this.tree, path));
    return entry?.kind === "file" ? entry.id : undefined;
  }

  /** Like `fileId`, but also for a directory. */
  async entryId(path: string): Promise<ObjectId | undefined> {
    return this.tree && (await entryAt(this.#objects.tree, this.tree, path))?.id;
  }

  /** What is below a directory, whose path is left out of those of its files. */
  async below(directory: string): Promise<Snapshot> {
    const entry = this.tree && (await entryAt(this.#objects.tree, this.tree, directory));
    return new Snapshot(
      this.#objects,
      this.commitId,
      entry?.kind === "tree" ? { tree: entry.id } : undefined,
    );
  }

  async read(path: StorePath): Promise<Uint8Array | undefined> {
    const id = await this.fileId(path);
    return id && this.#objects.blob(id);
  }

  async *list(prefix: string): AsyncGenerator<ListedFile> {
    if (this.tree) yield* listFiles(this.#objects.tree, this.tree, prefix);
  }
}
