import { CorruptObjectError } from "./object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes, objectIdToBytes } from "./object-id.ts";

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

/** Git orders entries by their bytes, a directory as if its name ended in a slash. */
function sortKey(name: string, entry: TreeEntry): Buffer {
  return Buffer.from(entry.kind === "tree" ? `${name}/` : name);
}

export function encodeTree(tree: Tree): Uint8Array {
  const rows = [...tree].map(([name, entry]) => ({ name, entry, key: sortKey(name, entry) }));
  rows.sort((a, b) => Buffer.compare(a.key, b.key));
  return Buffer.concat(
    rows.flatMap(({ name, entry }) => [
      Buffer.from(`${entry.kind === "tree" ? MODE_TREE : MODE_FILE} ${name}\0`),
      objectIdToBytes(entry.id),
    ]),
  );
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
