import type { Commit } from "../git/commit.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { Tree } from "../git/tree.ts";
import type { ObjectReader } from "./object-reader.ts";
import { type Difference, diffTrees, type Enters } from "./tree-walk.ts";

/** Reads commits and their files in sequence. Rejects with `CorruptObjectError` if an object is missing or damaged. */
export class CommitWalk {
  readonly #reader: ObjectReader;

  constructor(reader: ObjectReader) {
    this.#reader = reader;
  }

  commit(id: ObjectId): Promise<Commit> {
    return this.#reader.commit(id);
  }

  /** A commit as it is stored. */
  commitBody(id: ObjectId): Promise<Uint8Array> {
    return this.#reader.commitBody(id);
  }

  tree(id: ObjectId): Tree | Promise<Tree> {
    return this.#reader.tree(id);
  }

  /** The bytes of a file. */
  file(id: ObjectId): Promise<Uint8Array> {
    return this.#reader.blob(id);
  }

  /** The files that differ between two commits (`undefined`: the empty store), in directories that `enters` accepts. */
  async *diff(from: ObjectId | undefined, to: ObjectId, enters?: Enters): AsyncGenerator<Difference> {
    const before = from && (await this.commit(from)).tree;
    yield* diffTrees(this.#reader.tree, before, (await this.commit(to)).tree, "", enters);
  }

  /** A commit and its ancestors, along first parents. */
  async *history(newest: ObjectId): AsyncGenerator<{ readonly id: ObjectId; readonly commit: Commit }> {
    for (let id: ObjectId | undefined = newest; id; ) {
      const commit: Commit = await this.commit(id);
      yield { id, commit };
      id = commit.parents[0];
    }
  }
}
