import { expect, test } from "bun:test";
import { nextTurn } from "../../../../src/primitives/jobs/next-turn.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { type Change, EMPTY_TREE, editTree } from "../../../../src/primitives/store/commits/tree-edit.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { Tree } from "../../../../src/primitives/store/git/tree.ts";

/** Trees as they are stored: what was not read yet has to be waited for. */
class StoredTrees {
  readonly #bodies = new Map<ObjectId, Uint8Array>();
  readonly #inMemory = new Map<ObjectId, Tree>();
  reads = 0;

  edit(root: ObjectId | undefined, changes: readonly Change[]): Promise<ObjectId> {
    return editTree(root, changes, {
      loadTree: (id) => this.#inMemory.get(id) ?? this.#read(id),
      emit: ({ id, type, body }) => {
        if (type === "tree") this.#bodies.set(id, body);
      },
      replaceTree: (_, id, tree) => this.#inMemory.set(id, tree),
    });
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
