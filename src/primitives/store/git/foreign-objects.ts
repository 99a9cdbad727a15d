import { type Commit, parseCommit } from "./commit.ts";
import { CorruptObjectError, type NamedObject } from "./object.ts";
import type { Tree } from "./tree.ts";

/** The last moment that a `Date` can have, in seconds. */
const MAX_SECONDS = 8_640_000_000_000;

/** Reads a commit of another server. Throws `CorruptObjectError` for what `git fsck` or a page could not read. */
export function parseForeignCommit({ id, body }: NamedObject): Commit {
  const commit = parseCommit(body);
  for (const { seconds } of [commit.author, commit.committer])
    if (seconds > MAX_SECONDS) throw new CorruptObjectError(`the commit ${id}`, "its time is out of range");
  return commit;
}

/** Throws `CorruptObjectError` for a tree whose names are no names of files, are out of order or not unique. */
export function checkForeignTree(id: string, tree: Tree): void {
  const fail = (reason: string) => {
    throw new CorruptObjectError(`the tree ${id}`, reason);
  };
  const names = new Set<string>();
  let before = Buffer.alloc(0);
  for (const [name, { kind }] of tree) {
    if (name === "" || name === "." || name === ".." || name.includes("/") || name.toLowerCase() === ".git")
      fail("it has a name that no file may have");
    if (names.has(name)) fail("it has a name twice");
    names.add(name);
    // Git sorts a directory as if its name ended in a slash.
    const key = Buffer.from(kind === "tree" ? `${name}/` : name);
    if (key.compare(before) <= 0) fail("its names are out of order");
    before = key;
  }
}
