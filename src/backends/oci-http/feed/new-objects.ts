import type { CommitWalk } from "../../../primitives/store/commits/commit-walk.ts";
import { type Commit, parseCommit } from "../../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { Tree } from "../../../primitives/store/git/tree.ts";
import type { PagedObject } from "./history-page.ts";

/** An object that a commit adds. `completes`: the commit that is whole with it, of those that were asked for. */
export interface NewObject extends PagedObject {
  readonly id: ObjectId;
  readonly completes?: ObjectId;
}

/** Whether a commit is in the history that the reader has already. */
export type IsKnown = (id: ObjectId) => Promise<boolean>;

/**
 * The objects that commits add, each commit on top of its first parent, in an order that depends on them alone; objects that
 * are at another path already come again. What merges bring in by their other parents comes too.
 */
export async function* newObjects(
  walk: CommitWalk,
  commits: readonly ObjectId[],
  isKnown: IsKnown,
): AsyncGenerator<NewObject> {
  let before: ReadCommit | undefined;
  for (const id of commits) {
    const read = await readCommit(walk, id);
    const { parents } = read.commit;
    for (const merged of await mergedCommits(walk, parents.slice(1), isKnown))
      yield* objectsOf(walk, await readCommit(walk, merged));
    yield* objectsOf(walk, read, before, { completes: id });
    before = read;
  }
}

interface ReadCommit {
  readonly id: ObjectId;
  readonly body: Uint8Array;
  readonly commit: Commit;
}

async function readCommit(walk: CommitWalk, id: ObjectId): Promise<ReadCommit> {
  const body = await walk.commitBody(id);
  return { id, body, commit: parseCommit(body) };
}

async function* objectsOf(
  walk: CommitWalk,
  { id, body, commit: { tree, parents } }: ReadCommit,
  before?: ReadCommit,
  completes: { readonly completes?: ObjectId } = {},
): AsyncGenerator<NewObject> {
  const [parent] = parents;
  const known = before?.id === parent ? before?.commit : parent && (await walk.commit(parent));
  yield* treeObjects(walk, known?.tree, tree);
  yield { type: "commit", id, body, ...completes };
}

/** The ancestors of merged commits that are not known, the oldest first. */
async function mergedCommits(
  walk: CommitWalk,
  tips: readonly ObjectId[],
  isKnown: IsKnown,
): Promise<readonly ObjectId[]> {
  const found = new Set<ObjectId>();
  const open = [...tips];
  for (let id = open.pop(); id; id = open.pop()) {
    if (found.has(id) || (await isKnown(id))) continue;
    found.add(id);
    open.push(...(await walk.commit(id)).parents);
  }
  return [...found].reverse();
}

/** The trees and files of `after` that `before` does not have at the same path; a tree comes after what is in it. */
async function* treeObjects(
  walk: CommitWalk,
  before: ObjectId | undefined,
  after: ObjectId,
): AsyncGenerator<NewObject> {
  if (before === after) return;
  const old = before ? await walk.tree(before) : Tree.EMPTY;
  const now = await walk.tree(after);
  for (const name of old.differingNames(now)) {
    const [was, is] = [old.get(name), now.get(name)];
    if (!is || is.id === was?.id) continue;
    if (is.kind === "tree") yield* treeObjects(walk, was?.kind === "tree" ? was.id : undefined, is.id);
    else yield { type: "blob", id: is.id, body: await walk.file(is.id) };
  }
  yield { type: "tree", id: after, body: now.body };
}
