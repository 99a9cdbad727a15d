import { expect, test } from "bun:test";
import { nextTurn } from "../../../../src/primitives/jobs/next-turn.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import {
  type Change,
  type DirectoryChange,
  EMPTY_TREE,
  editTree,
} from "../../../../src/primitives/store/commits/tree-edit.ts";
import type { NamedObject } from "../../../../src/primitives/store/git/object.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { Tree } from "../../../../src/primitives/store/git/tree.ts";

/** Trees as they are stored: what was not read yet has to be waited for. */
class StoredTrees {
  readonly #bodies = new Map<ObjectId, Uint8Array>();
  readonly #inMemory = new Map<ObjectId, Tree>();
  reads = 0;

  edit(
    root: ObjectId | undefined,
    changes: readonly Change[],
    directories: readonly DirectoryChange[] = [],
  ): Promise<ObjectId> {
    const context = {
      loadTree: (id: ObjectId) => this.#inMemory.get(id) ?? this.#read(id),
      emit: ({ id, type, body }: NamedObject) => {
        if (type === "tree") this.#bodies.set(id, body);
      },
      replaceTree: (_: ObjectId | undefined, id: ObjectId, tree: Tree) => this.#inMemory.set(id, tree),
    };
    return editTree(root, changes, context, directories);
  }

  forget(): void {
    this.#inMemory.clear();
  }

  async #read(id: ObjectId): Promise<Tree> {
    this.reads++;
    await nextTurn();
    const body = this.#bodies.get(id);
    if (!body) throw new Error(`tree ${id} is missing`);
    return Tree.parse(body);
  }
}

const changesOf = (text: string | null): Change[] =>
  Array.from({ length: 300 }, (_, i) => ({
    path: storePath(`d${i % 30}/e${i % 7}/f${i}`),
    content: text === null ? null : Buffer.from(`${text} ${i}`),
  }));
/** The root, and the directories below it. */
const DIRECTORIES = 1 + 30 + 30 * 7;

test("an edit of directories that are not in memory is the same as of those that are", async () => {
  const [warm, cold] = [new StoredTrees(), new StoredTrees()];
  const before = [await warm.edit(undefined, changesOf("a")), await cold.edit(undefined, changesOf("a"))];
  expect(before[0]).toBe(before[1]);
  cold.forget();
  const after = await cold.edit(before[0], changesOf("b"));
  expect(after).toBe(await warm.edit(before[0], changesOf("b")));
  expect(warm.reads).toBe(0);
  cold.forget();
  expect(await cold.edit(after, changesOf(null))).toBe(EMPTY_TREE.id);
});

test("an edit of many directories reads each of them once, but for the first that it meets", async () => {
  const trees = new StoredTrees();
  const root = await trees.edit(undefined, changesOf("a"));
  trees.forget();
  await trees.edit(root, changesOf("b"));
  expect(trees.reads).toBeLessThanOrEqual(DIRECTORIES + 1);
});

test("an edit that meets a directory that can't be read fails", async () => {
  const trees = new StoredTrees();
  const missing = "ab".repeat(32) as ObjectId;
  await expect(trees.edit(missing, changesOf("a"))).rejects.toThrow("is missing");
});

test("a directory is linked to a tree that exists, replaced and deleted without a look at its files", async () => {
  const trees = new StoredTrees();
  const file = (path: string, text: string): Change => ({
    path: storePath(path),
    content: Buffer.from(text),
  });
  const inner = await trees.edit(undefined, [file("x", "1"), file("y/z", "2")]);
  const root = await trees.edit(undefined, [file("a/x", "1"), file("a/y/z", "2"), file("b", "3")]);
  const copied = await trees.edit(root, [], [{ path: "c/d", tree: inner }]);
  expect(copied).toBe(await trees.edit(root, [file("c/d/x", "1"), file("c/d/y/z", "2")]));
  expect(await trees.edit(copied, [], [{ path: "c/d", tree: null }])).toBe(root);
  expect(await trees.edit(root, [], [{ path: "none/at/all", tree: null }])).toBe(root);
  const renamed = await trees.edit(
    root,
    [],
    [
      { path: "n", tree: inner },
      { path: "a", tree: null },
    ],
  );
  expect(renamed).toBe(await trees.edit(undefined, [file("n/x", "1"), file("n/y/z", "2"), file("b", "3")]));
  await expect(trees.edit(root, [], [{ path: "b", tree: inner }])).rejects.toThrow("a file and a directory");
  await expect(trees.edit(root, [file("a/q", "4")], [{ path: "a", tree: inner }])).rejects.toThrow("'a");
});
