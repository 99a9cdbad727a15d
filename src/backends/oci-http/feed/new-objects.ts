import type { CommitWalk } from "../../../primitives/store/commits/commit-walk.ts";
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
  for (const id of commits) {
    const { parents } = await walk.commit(id);
    for (const merged of await mergedCommits(walk, parents.slice(1), isKnown)) yield* objectsOf(walk, merged);
    yield* objectsOf(walk, id, { completes: id });
  }
}

async function* objectsOf(
  walk: CommitWalk,
  id: ObjectId,
  completes: { readonly completes?: ObjectId } = {},
): AsyncGenerator<NewObject> {
  const { tree, parents } = await walk.commit(id);
  const [parent] = parents;
  yield* treeObjects(walk, parent && (await walk.commit(parent)).tree, tree);
  yield { type: "commit", id, body: await walk.commitBody(id), ...completes };
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
