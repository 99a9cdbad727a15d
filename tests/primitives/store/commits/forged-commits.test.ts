import { expect, test } from "bun:test";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { encodeCommit } from "../../../../src/primitives/store/git/commit.ts";
import {
  CorruptObjectError,
  type NamedObject,
  nameObject,
} from "../../../../src/primitives/store/git/object.ts";
import { NO_COMMIT, type ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const FILE = nameObject("blob", Buffer.from("content"));
const EMPTY = nameObject("tree", Buffer.alloc(0));

async function openStore() {
  const manager = localStores(temporaryDirectory(), consoleLogger);
  const store = await manager.open("everlock-test" as StoreName, undefined);
  afterThisTest(() => store.close());
  return store;
}

const entry = (name: string, { id, type }: NamedObject) =>
  Buffer.concat([Buffer.from(`${type === "tree" ? "40000" : "100644"} ${name}\0`), Buffer.from(id, "hex")]);

const tree = (...entries: Buffer[]) => nameObject("tree", Buffer.concat(entries));

function commit(root: NamedObject, parents: readonly ObjectId[] = [], seconds = 1_700_000_000) {
  const who = { name: "mallory", email: "mallory@everlock", seconds };
  const body = encodeCommit({ tree: root.id, parents, author: who, committer: who, message: "forged" });
  return nameObject("commit", body);
}

/** A tree below as many others as `levels`, each of which names it `times` times. */
function nested(levels: number, times: number): NamedObject[] {
  const trees = [tree(entry("f", FILE))];
  for (let i = 0; i < levels; i++) {
    const [below = EMPTY] = trees;
    trees.unshift(tree(...Array.from({ length: times }, (_, n) => entry(String(n), below))));
  }
  return trees;
}

const root = tree(entry("f", FILE));
const good = commit(root);
const bomb = nested(20, 9);
const deep = nested(600, 1);
const lacking = commit(tree(entry("gone", nameObject("blob", Buffer.from("gone")))));

const FORGED: readonly [what: string, objects: readonly NamedObject[], reason: string][] = [
  ["a name with a slash", withRoot(tree(entry("a/b", FILE))), "a name that no file may have"],
  ["a name that leads upwards", withRoot(tree(entry("..", FILE))), "a name that no file may have"],
  ["a directory of Git", withRoot(tree(entry(".GIT", FILE))), "a name that no file may have"],
  ["a name twice", withRoot(tree(entry("a", FILE), entry("a", FILE))), "a name twice"],
  ["names out of order", withRoot(tree(entry("b", FILE), entry("a", FILE))), "out of order"],
  ["a tree as a file", [...withRoot(tree(entryAs("100644", EMPTY))), EMPTY], "is no file"],
  ["a parent that is missing", [FILE, root, commit(root, [NO_COMMIT])], "its parent"],
  ["a commit before it that lacks a file", [...withoutFile(), ...follow(lacking)], "is missing"],
  ["a time that no clock shows", [FILE, root, commit(root, [], 1e15)], "its time is out of range"],
  ["directories without an end", [FILE, ...deep, commit(deep[0] ?? EMPTY)], "directories in each other"],
  ["more files than anybody has", [FILE, ...bomb, commit(bomb[0] ?? EMPTY)], "changes more than"],
];

function entryAs(mode: string, { id }: NamedObject): Buffer {
  return Buffer.concat([Buffer.from(`${mode} t\0`), Buffer.from(id, "hex")]);
}

function withRoot(top: NamedObject): NamedObject[] {
  return [FILE, top, commit(top)];
}

function withoutFile(): NamedObject[] {
  return [FILE, tree(entry("gone", nameObject("blob", Buffer.from("gone")))), lacking];
}

function follow(before: NamedObject): NamedObject[] {
  return [root, commit(root, [before.id])];
}

test.each(FORGED)(
  "a store adopts no commits with %s, and stays as it is",
  async (_what, objects, reason) => {
    const store = await openStore();
    const next = objects.findLast(({ type }) => type === "commit")?.id ?? NO_COMMIT;
    const error = await store
      .adopt({ objects, expected: undefined, next, commits: 1 })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CorruptObjectError);
    expect(String(error)).toContain(reason);
    expect(store.head().commitId).toBeUndefined();
    await store.adopt({ objects: [FILE, root, good], expected: undefined, next: good.id, commits: 1 });
    const { changed } = await store.write(storePath("own"), Buffer.from("own"), {
      author: { name: "alice", email: "alice@everlock" },
      message: "own",
    });
    expect(changed).toBe(true);
  },
  60_000,
);
