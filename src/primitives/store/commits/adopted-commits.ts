import { nextTurn } from "../../jobs/next-turn.ts";
import { checkForeignTree, parseForeignCommit } from "../git/foreign-objects.ts";
import { CorruptObjectError, type NamedObject } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";
import { Tree, type TreeEntry } from "../git/tree.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { Snapshot } from "./snapshot.ts";

/** How long objects are checked before the event loop runs once (ms). */
const TURN_MS = 2;
/** Directories above a file. */
const MAX_DEPTH = 512;
/** Files that one commit may change: a tree can name another one many times, which names another one many times. */
const MAX_FILES = 10_000_000;

/**
 * Checks objects of another server before the branch moves to them: what nobody can read would stay in the history. Throws
 * `CorruptObjectError` if one is damaged, or if a commit lacks a parent or an object of the files in which it differs from its
 * first parent.
 */
export async function requireWhole(
  reader: ObjectReader,
  objects: ReadonlyMap<ObjectId, NamedObject>,
  before: Snapshot,
  after: Snapshot,
): Promise<void> {
  const check = new WholeCheck(reader, objects);
  for (const object of objects.values()) {
    if (object.type === "tree") checkForeignTree(object.id, Tree.parse(object.body));
    if (object.type === "commit") await check.commit(object);
  }
  await check.trees(after.commitId, before.tree, after.tree);
}

class WholeCheck {
  readonly #reader: ObjectReader;
  readonly #objects: ReadonlyMap<ObjectId, NamedObject>;
  /** By two trees: how many files differ. Each pair is compared once, wherever it is. */
  readonly #compared = new Map<string, number>();
  #turned = performance.now();

  constructor(reader: ObjectReader, objects: ReadonlyMap<ObjectId, NamedObject>) {
    this.#reader = reader;
    this.#objects = objects;
  }

  async commit(object: NamedObject): Promise<void> {
    const { tree, parents } = parseForeignCommit(object);
    for (const parent of parents)
      if (!(await this.#reader.has(parent))) throw damaged(object.id, `its parent ${parent} is missing`);
    const [first] = parents;
    await this.trees(object.id, first && (await this.#reader.commit(first)).tree, tree);
  }

  async trees(
    commit: ObjectId | undefined,
    before: ObjectId | undefined,
    after: ObjectId | undefined,
  ): Promise<void> {
    try {
      if (after !== undefined) await this.#compare(before, after, 1);
    } catch (error) {
      throw error instanceof Unfit ? damaged(commit, error.message) : error;
    }
  }

  async #compare(before: ObjectId | undefined, after: ObjectId, depth: number): Promise<number> {
    if (before === after) return 0;
    const key = `${before} ${after}`;
    const known = this.#compared.get(key);
    if (known !== undefined) return known;
    if (depth > MAX_DEPTH) throw new Unfit(`it has more than ${MAX_DEPTH} directories in each other`);
    const old = before ? await this.#reader.tree(before) : Tree.EMPTY;
    const now = await this.#reader.tree(after);
    let files = 0;
    for (const name of old.differingNames(now)) {
      files += await this.#entry(name, old.get(name), now.get(name), depth);
      if (files > MAX_FILES) throw new Unfit(`it changes more than ${MAX_FILES} files`);
    }
    this.#compared.set(key, files);
    return files;
  }

  /** How many files differ; 1 for what is removed. */
  async #entry(
    name: string,
    was: TreeEntry | undefined,
    is: TreeEntry | undefined,
    depth: number,
  ): Promise<number> {
    if (performance.now() - this.#turned > TURN_MS) {
      await nextTurn();
      this.#turned = performance.now();
    }
    if (is?.kind === "tree")
      return this.#compare(was?.kind === "tree" ? was.id : undefined, is.id, depth + 1);
    if (is === undefined) return 1;
    if ((this.#objects.get(is.id)?.type ?? "blob") !== "blob") throw new Unfit(`'${name}' is no file`);
    if (!(await this.#reader.has(is.id))) throw new Unfit(`the object ${is.id} of '${name}' is missing`);
    return 1;
  }
}

/** Why a commit can't be adopted. */
class Unfit extends Error {}

function damaged(commit: ObjectId | undefined, reason: string): CorruptObjectError {
  return new CorruptObjectError(`the commit ${commit}`, reason);
}
