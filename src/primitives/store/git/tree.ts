import { CorruptObjectError } from "./object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes } from "./object-id.ts";

/** A directory or a regular file: the only two kinds of entry that a store writes. */
export type EntryKind = "tree" | "file";

export interface TreeEntry {
  readonly kind: EntryKind;
  readonly id: ObjectId;
}

/** One directory, by entry name. */
export type Tree = ReadonlyMap<string, TreeEntry>;

const MODE_TREE = "40000";
const MODE_FILE = "100644";
const MAX_MODE_LENGTH = MODE_FILE.length;
const decoder = new TextDecoder();

/** Encodings of trees that are in use, for their successors. */
const encodings = new WeakMap<Tree, Uint8Array>();

/** `tree` must be in Git's order, as `sortTree` and `parseTree` make it. */
export function encodeTree(tree: Tree): Uint8Array {
  let size = 0;
  for (const name of tree.keys()) size += MAX_MODE_LENGTH + Buffer.byteLength(name) + 2 + OBJECT_ID_BYTES;
  const body = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [name, { kind, id }] of tree) {
    at += body.write(`${kind === "tree" ? MODE_TREE : MODE_FILE} ${name}\0`, at);
    at += body.write(id, at, "hex");
  }
  const encoding = body.subarray(0, at);
  encodings.set(tree, encoding);
  return encoding;
}

/** Encodes `tree`, which has the names and kinds of `before` in the same order, and other ids in `changed`. */
export function encodeSuccessor(before: Tree, tree: Tree, changed: Iterable<string>): Uint8Array {
  const known = encodings.get(before);
  if (!known) return encodeTree(tree);
  const names = new Set(changed);
  const body = Buffer.from(known);
  let at = 0;
  for (const [name, { kind, id }] of tree) {
    at += (kind === "tree" ? MODE_TREE : MODE_FILE).length + Buffer.byteLength(name) + 2;
    if (names.has(name)) body.write(id, at, "hex");
    at += OBJECT_ID_BYTES;
  }
  encodings.set(tree, body);
  return body;
}

const ASCII = /^[\x00-\x7f]*$/;

/** Git orders entries by their bytes, a directory as if its name ended in a slash. */
export function sortTree(tree: Tree): Tree {
  const rows = [...tree].map((entry) => ({
    entry,
    key: entry[1].kind === "tree" ? `${entry[0]}/` : entry[0],
  }));
  // JavaScript compares UTF-16 units, which is the order of the bytes only as far as ASCII goes.
  const isAscii = rows.every(({ key }) => ASCII.test(key));
  rows.sort((a, b) => {
    if (isAscii) return a.key < b.key ? -1 : 1;
    return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
  });
  return new Map(rows.map(({ entry }) => entry));
}

/**
 * Entries that are neither directory nor regular file (links, submodules: stock git can commit them) are refused,
 * because writing the tree again would lose them. An executable file becomes a plain one.
 */
export function parseTree(body: Uint8Array): Tree {
  const tree = new Map<string, TreeEntry>();
  let at = 0;
  while (at < body.length) {
    const nul = body.indexOf(0, at);
    const end = nul + 1 + OBJECT_ID_BYTES;
    if (nul < 0 || end > body.length) throw new CorruptObjectError("a tree", "an entry is cut off");
    const header = decoder.decode(body.subarray(at, nul));
    const space = header.indexOf(" ");
    const kind = entryKind(header.slice(0, space));
    tree.set(header.slice(space + 1), { kind, id: objectIdFromBytes(body.subarray(nul + 1, end)) });
    at = end;
  }
  return tree;
}

function entryKind(mode: string): EntryKind {
  if (mode === MODE_TREE) return "tree";
  if (mode.startsWith("100")) return "file";
  throw new CorruptObjectError("a tree", `mode ${mode} is neither a directory nor a regular file`);
}
