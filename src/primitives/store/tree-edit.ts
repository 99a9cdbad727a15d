import { type NamedObject, nameObject } from "./git/object.ts";
import type { ObjectId } from "./git/object-id.ts";
import { Tree, type TreeEntry } from "./git/tree.ts";
import type { StorePath } from "./store-path.ts";

/** What becomes of one path: these bytes, or nothing. */
export interface Change {
  readonly path: StorePath;
  readonly content: Uint8Array | null;
}

/** A path that can't be written because a file stands where a directory is needed, or the other way round. */
export class PathConflictError extends Error {
  constructor(path: string) {
    super(`'${path}' can't be written: a file and a directory would have the same name`);
    this.name = "PathConflictError";
  }
}

interface EditContext {
  readonly loadTree: (id: ObjectId) => Promise<Tree>;
  /** Receives every object that the edit makes. */
  readonly emit: (object: NamedObject) => void;
  /** Receives each new tree in its parsed form, with the one that it takes the place of. */
  readonly replaceTree: (before: ObjectId | undefined, after: ObjectId, tree: Tree) => void;
}

/** The root of a store that holds no file. */
export const EMPTY_TREE = nameObject("tree", Tree.EMPTY.body);

type Edit = { readonly components: readonly string[]; readonly path: string; readonly blob: ObjectId | null };

/** The root tree after `changes`. Deleting what is not there is no change. */
export async function editTree(
  root: ObjectId | undefined,
  changes: readonly Change[],
  context: EditContext,
): Promise<ObjectId> {
  const edits = changes.map(({ path, content }): Edit => {
    if (!content) return { components: path.split("/"), path, blob: null };
    const object = nameObject("blob", content);
    context.emit(object);
    return { components: path.split("/"), path, blob: object.id };
  });
  const edited = await editDirectory(root, edits, 0, context);
  if (!edited) context.emit(EMPTY_TREE);
  return edited ?? EMPTY_TREE.id;
}

async function editDirectory(
  id: ObjectId | undefined,
  edits: readonly Edit[],
  depth: number,
  context: EditContext,
): Promise<ObjectId | undefined> {
  const before = id ? await context.loadTree(id) : Tree.EMPTY;
  const entries = new Map<string, TreeEntry | undefined>();
  for (const [name, group] of groupByName(edits, depth)) {
    entries.set(name, await editEntry(before.get(name), group, depth, context));
  }
  const after = before.with(entries);
  if (after.body.length === 0) return undefined;
  const object = nameObject("tree", after.body);
  if (object.id !== id) {
    context.emit(object);
    context.replaceTree(id, object.id, after);
  }
  return object.id;
}

function groupByName(edits: readonly Edit[], depth: number): ReadonlyMap<string, readonly Edit[]> {
  const [first] = edits;
  // Spares most directories, through which a single edit leads, the grouping.
  if (edits.length === 1 && first) return new Map([[first.components[depth] ?? "", edits]]);
  return Map.groupBy(edits, (edit) => edit.components[depth] ?? "");
}

/** One name in a directory: either a single file, or the directory that all of `edits` lie below. */
async function editEntry(
  entry: TreeEntry | undefined,
  edits: readonly Edit[],
  depth: number,
  context: EditContext,
): Promise<TreeEntry | undefined> {
  const [first] = edits;
  if (!first) return entry;
  const isFile = (edit: Edit) => edit.components.length === depth + 1;
  if (isFile(first)) {
    if (edits.length > 1 || (entry?.kind === "tree" && first.blob)) throw new PathConflictError(first.path);
    if (first.blob) return { kind: "file", id: first.blob };
    return entry?.kind === "tree" ? entry : undefined;
  }
  if (edits.some(isFile)) throw new PathConflictError(first.path);
  if (entry?.kind === "file") {
    const written = edits.find((edit) => edit.blob);
    if (written) throw new PathConflictError(written.path);
    return entry;
  }
  const id = await editDirectory(entry?.id, edits, depth + 1, context);
  return id && { kind: "tree", id };
}
