import type { ObjectId } from "../git/object-id.ts";
import { Tree, type TreeEntry } from "../git/tree.ts";
import type { StorePath } from "./store-path.ts";

export type LoadTree = (id: ObjectId) => Tree | Promise<Tree>;

export interface ListedFile {
  readonly path: StorePath;
  readonly id: ObjectId;
}

/** The entry at `path` below the tree `root`. */
export async function entryAt(
  loadTree: LoadTree,
  root: ObjectId,
  path: string,
): Promise<TreeEntry | undefined> {
  let entry: TreeEntry = { kind: "tree", id: root };
  for (const component of path.split("/")) {
    if (entry.kind !== "tree") return undefined;
    const loading = loadTree(entry.id);
    // Most trees are in memory, and an `await` would cost as much as the look-up.
    const next = (loading instanceof Tree ? loading : await loading).get(component);
    if (!next) return undefined;
    entry = next;
  }
  return entry;
}

/** Every file below the tree `root` whose path begins with `prefix`, ordered by directory. */
export async function* listFiles(
  loadTree: LoadTree,
  root: ObjectId,
  prefix: string,
): AsyncGenerator<ListedFile> {
  yield* listBelow(loadTree, root, "", prefix);
}

async function* listBelow(
  loadTree: LoadTree,
  id: ObjectId,
  base: string,
  prefix: string,
): AsyncGenerator<ListedFile> {
  for (const [name, entry] of await loadTree(id)) {
    const path = base + name;
    if (entry.kind === "file") {
      if (path.startsWith(prefix)) yield { path: path as StorePath, id: entry.id };
    } else if (`${path}/`.startsWith(prefix) || prefix.startsWith(`${path}/`)) {
      yield* listBelow(loadTree, entry.id, `${path}/`, prefix);
    }
  }
}

export interface Difference {
  readonly path: StorePath;
  /** The file's object before, `undefined` when it was added. */
  readonly before: ObjectId | undefined;
  /** The file's object afterwards, `undefined` when it was removed. */
  readonly after: ObjectId | undefined;
}

/** Whether a walk enters a directory; `isNew`: the old state has no directory at this path. */
export type Enters = (directory: string, isNew: boolean) => boolean | Promise<boolean>;

/** The files that differ between two trees; shared subtrees, and directories that `enters` rejects, are not read. */
export async function* diffTrees(
  loadTree: LoadTree,
  before: ObjectId | undefined,
  after: ObjectId | undefined,
  base = "",
  enters: Enters = () => true,
): AsyncGenerator<Difference> {
  if (before === after) return;
  const old = before ? await loadTree(before) : Tree.EMPTY;
  const now = after ? await loadTree(after) : Tree.EMPTY;
  for (const name of old.differingNames(now)) {
    const was = old.get(name);
    const is = now.get(name);
    if (was?.id === is?.id && was?.kind === is?.kind) continue;
    const path = base + name;
    const file = (entry: TreeEntry | undefined) => (entry?.kind === "file" ? entry.id : undefined);
    if (file(was) && !file(is)) yield { path: path as StorePath, before: file(was), after: undefined };
    const subtree = (entry: TreeEntry | undefined) => (entry?.kind === "tree" ? entry.id : undefined);
    const isDirectory = was?.kind === "tree" || is?.kind === "tree";
    const entered = isDirectory && enters(path, was?.kind !== "tree");
    // An `await` would cost as much as many a directory.
    if (entered === true || (entered !== false && (await entered)))
      yield* diffTrees(loadTree, subtree(was), subtree(is), `${path}/`, enters);
    if (is?.kind === "file") yield { path: path as StorePath, before: file(was), after: is.id };
  }
}
