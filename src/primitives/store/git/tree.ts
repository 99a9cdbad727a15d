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
const decoder = new TextDecoder();

export function encodeTree(tree: Tree): Uint8Array {
  const rows = [...tree].map(([name, entry]) => ({
    header: `${entry.kind === "tree" ? MODE_TREE : MODE_FILE} ${name}\0`,
    // Git orders entries by their bytes, a directory as if its name ended in a slash.
    key: entry.kind === "tree" ? `${name}/` : name,
    id: entry.id,
  }));
  rows.sort((a, b) => compareBytes(a.key, b.key));
  const body = Buffer.allocUnsafe(
    rows.reduce((size, { header }) => size + Buffer.byteLength(header) + OBJECT_ID_BYTES, 0),
  );
  let at = 0;
  for (const { header, id } of rows) {
    at += body.write(header, at);
    at += body.write(id, at, "hex");
  }
  return body;
}

const ASCII = /^[\x00-\x7f]*$/;

/** JavaScript compares UTF-16 units, which is the order of the bytes only as far as ASCII goes. */
function compareBytes(a: string, b: string): number {
  if (ASCII.test(a) && ASCII.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
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
