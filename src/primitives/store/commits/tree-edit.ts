import { ExpectedError } from "../../expected-error.ts";
import { type NamedObject, nameObject } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";
import { Tree, type TreeEntry } from "../git/tree.ts";
import type { StorePath } from "./store-path.ts";
import type { LoadTree } from "./tree-walk.ts";

/** The new content of one path; `null` deletes it. */
export interface Change {
  readonly path: StorePath;
  readonly content: Uint8Array | null;
}

/** A whole directory set to a tree that the store has already, such as that of another directory; `null` deletes it. */
export interface DirectoryChange {
  readonly path: string;
  readonly tree: ObjectId | null;
}

/** A path that can't be written because it needs a directory where a file exists, or the other way round. */
export class PathConflictError extends ExpectedError {
  override readonly name = "PathConflictError";
  override readonly kind = "conflict";
  constructor(path: string) {
    super(`'${path}' can't be written: a file and a directory would have the same name`);
  }
}

interface EditContext {
  readonly loadTree: LoadTree;
  /** Receives every object that the edit creates. */
  readonly emit: (object: NamedObject) => void;
  /** Receives each new tree in parsed form, with the id of the one it replaces. */
  readonly replaceTree: (before: ObjectId | undefined, after: ObjectId, tree: Tree) => void;
}

/** A new tree, and the one it replaces. */
interface NewTree {
  readonly before: ObjectId | undefined;
  readonly object: NamedObject;
  readonly tree: Tree;
}

/** Thrown if a directory is not in memory yet. */
class TreeAwaited {
  readonly tree: Promise<Tree>;

  constructor(tree: Promise<Tree>) {
    this.tree = tree;
  }
}

/** The root tree of an empty store. */
export const EMPTY_TREE = nameObject("tree", Tree.EMPTY.body);

interface Edit {
  readonly components: readonly string[];
  readonly path: string;
  /** What the path becomes; `undefined`: nothing. */
  readonly entry: TreeEntry | undefined;
  readonly isDirectory: boolean;
}

/** Returns the root tree after the changes of files and directories. Deleting a path that does not exist is no change. */
export async function editTree(
  root: ObjectId | undefined,
  changes: readonly Change[],
  context: EditContext,
  directories: readonly DirectoryChange[] = [],
): Promise<ObjectId> {
  const edits = changes.map(({ path, content }): Edit => {
    const components = path.split("/");
    if (!content) return { components, path, entry: undefined, isDirectory: false };
    const object = nameObject("blob", content);
    context.emit(object);
    return { components, path, entry: { kind: "file", id: object.id }, isDirectory: false };
  });
  for (const { path, tree } of directories) {
    const entry = tree ? ({ kind: "tree", id: tree } as const) : undefined;
    edits.push({ components: path.split("/"), path, entry, isDirectory: true });
  }
  const { root: edited, trees } = await editWithLoaded(root, edits, context.loadTree);
  for (const { before, object, tree } of trees) {
    context.emit(object);
    context.replaceTree(before, object.id, tree);
  }
  if (!edited) context.emit(EMPTY_TREE);
  return edited ?? EMPTY_TREE.id;
}

/** Edits synchronously if all directories on the path are in memory, as is usual; otherwise loads them and edits again. */
async function editWithLoaded(
  root: ObjectId | undefined,
  edits: readonly Edit[],
  loadTree: LoadTree,
): Promise<{ readonly root: ObjectId | undefined; readonly trees: readonly NewTree[] }> {
  const loaded = new Map<ObjectId, Tree>();
  const edit = () => {
    const trees: NewTree[] = [];
    const treeOf = (id: ObjectId): Tree => {
      const tree = loaded.get(id) ?? loadTree(id);
      if (tree instanceof Tree) return tree;
      throw new TreeAwaited(tree);
    };
    return { root: editDirectory(root, edits, 0, { treeOf, trees }), trees };
  };
  try {
    return edit();
  } catch (awaited) {
    if (!(awaited instanceof TreeAwaited)) throw awaited;
    await awaited.tree;
    if (root) await loadAlong(root, edits, 0, loadTree, loaded);
    return edit();
  }
}

/** Loads every directory on the paths of `edits` into `loaded`. */
async function loadAlong(
  id: ObjectId,
  edits: readonly Edit[],
  depth: number,
  loadTree: LoadTree,
  loaded: Map<ObjectId, Tree>,
): Promise<void> {
  const tree = await loadTree(id);
  loaded.set(id, tree);
  for (const [name, group] of groupByName(edits, depth)) {
    const entry = tree.get(name);
    if (entry?.kind === "tree") await loadAlong(entry.id, group, depth + 1, loadTree, loaded);
  }
}

interface Editing {
  /** Throws `TreeAwaited`. */
  readonly treeOf: (id: ObjectId) => Tree;
  readonly trees: NewTree[];
}

function editDirectory(
  id: ObjectId | undefined,
  edits: readonly Edit[],
  depth: number,
  editing: Editing,
): ObjectId | undefined {
  const before = id ? editing.treeOf(id) : Tree.EMPTY;
  const entries = new Map<string, TreeEntry | undefined>();
  for (const [name, group] of groupByName(edits, depth)) {
    entries.set(name, editEntry(before.get(name), group, depth, editing));
  }
  const tree = before.with(entries);
  if (tree.body.length === 0) return undefined;
  const object = nameObject("tree", tree.body);
  if (object.id !== id) editing.trees.push({ before: id, object, tree });
  return object.id;
}

function groupByName(edits: readonly Edit[], depth: number): ReadonlyMap<string, readonly Edit[]> {
  const [first] = edits;
  // Most directories have a single edit: no grouping is needed.
  if (edits.length === 1 && first) return new Map([[first.components[depth] ?? "", edits]]);
  return Map.groupBy(edits, (edit) => edit.components[depth] ?? "");
}

/** Edits one name in a directory: a single file, or the directory that contains all of `edits`. */
function editEntry(
  entry: TreeEntry | undefined,
  edits: readonly Edit[],
  depth: number,
  editing: Editing,
): TreeEntry | undefined {
  const [first] = edits;
  if (!first) return entry;
  const isLast = (edit: Edit) => edit.components.length === depth + 1;
  if (isLast(first)) {
    const other = first.isDirectory ? "file" : "tree";
    if (edits.length > 1 || (entry?.kind === other && first.entry)) throw new PathConflictError(first.path);
    return first.entry ?? (entry?.kind === other ? entry : undefined);
  }
  if (edits.some(isLast)) throw new PathConflictError(first.path);
  if (entry?.kind === "file") {
    const written = edits.find((edit) => edit.entry);
    if (written) throw new PathConflictError(written.path);
    return entry;
  }
  const id = editDirectory(entry?.id, edits, depth + 1, editing);
  return id && { kind: "tree", id };
}
