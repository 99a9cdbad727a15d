import { describe, expect, test } from "bun:test";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { BranchMovedError } from "../../../../src/primitives/store/commits/commit-group.ts";
import type { Projection } from "../../../../src/primitives/store/commits/projection.ts";
import type { Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import {
  CorruptObjectError,
  type NamedObject,
  nameObject,
  type ObjectType,
} from "../../../../src/primitives/store/git/object.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const NAME = "everlock-test" as StoreName;
const meta = (message: string) => ({ author: { name: "alice", email: "alice@everlock" }, message });

async function openStore(projection?: Projection, dataDir = temporaryDirectory()) {
  const manager = localStores(dataDir, consoleLogger);
  const store = await manager.open(NAME, projection);
  afterThisTest(() => store.close());
  return { store, manager };
}

/** A store with some commits, and all of its objects. */
async function source(names: readonly string[]) {
  const { store } = await openStore();
  for (const name of names) await store.write(storePath(`some/${name}`), Buffer.from(name), meta(name));
  return { store, objects: await objectsOf(store), head: store.head().commitId };
}

async function objectsOf(store: Store): Promise<NamedObject[]> {
  const walk = store.walk();
  const objects = new Map<ObjectId, NamedObject>();
  const keep = (type: ObjectType, body: Uint8Array) => {
    const object = nameObject(type, body);
    objects.set(object.id, object);
  };
  const below = async (id: ObjectId): Promise<void> => {
    const tree = await walk.tree(id);
    keep("tree", tree.body);
    for (const [, entry] of tree) {
      if (entry.kind === "tree") await below(entry.id);
      else keep("blob", await walk.file(entry.id));
    }
  };
  for await (const { id, commit } of store.history()) {
    keep("commit", await walk.commitBody(id));
    await below(commit.tree);
  }
  return [...objects.values()];
}

class Files implements Projection {
  head: Projection["head"];
  readonly files = new Map<string, string>();
  apply(changes: Parameters<Projection["apply"]>[0], head?: Projection["head"]): void {
    for (const { path, content } of changes) {
      if (content) this.files.set(path, Buffer.from(content).toString());
      else this.files.delete(path);
    }
    this.head = head ?? this.head;
  }
  reset(): void {
    this.files.clear();
    this.head = undefined;
  }
}

describe("commits of another store that a store adopts", () => {
  test("have the same ids, and are there after a start", async () => {
    const from = await source(["a", "b", "c"]);
    const dataDir = temporaryDirectory();
    const files = new Files();
    const { store } = await openStore(files, dataDir);
    const next = from.head;
    if (!next) throw new Error("no commits");
    const outcome = await store.adopt({ objects: from.objects, expected: undefined, next, commits: 3 });
    expect(outcome).toEqual({ commitId: next, changed: true });
    expect([store.head().commitId, files.head]).toEqual([next, next]);
    expect([...files.files.keys()].sort()).toEqual(["some/a", "some/b", "some/c"]);
    const ids = async (of: Store) => (await Array.fromAsync(of.history())).map(({ id }) => id);
    expect(await ids(store)).toEqual(await ids(from.store));
    await store.close();
    expect((await openStore(undefined, dataDir)).store.head().commitId).toBe(next);
  });

  test("are refused where the branch is elsewhere, and own commits follow those that were adopted", async () => {
    const from = await source(["a"]);
    const { store } = await openStore();
    const next = from.head;
    if (!next) throw new Error("no commits");
    const adoption = { objects: from.objects, expected: undefined, next, commits: 1 };
    const adopting = store.adopt(adoption);
    const own = store.write(storePath("own"), Buffer.from("own"), meta("own"));
    await adopting;
    const { commitId } = await own;
    expect((await store.commitAt(commitId ?? next)).parents).toEqual([next]);
    await expect(store.adopt(adoption)).rejects.toThrow(BranchMovedError);
    expect(store.head().commitId).toBe(commitId);
  });

  test("are refused if an object of their files is missing, and nothing has moved", async () => {
    const from = await source(["a", "b"]);
    const { store } = await openStore();
    const next = from.head;
    if (!next) throw new Error("no commits");
    const isMissing = ({ type, body }: NamedObject) =>
      type === "blob" && Buffer.from(body).toString() === "b";
    const objects = from.objects.filter((object) => !isMissing(object));
    const adopting = store.adopt({ objects, expected: undefined, next, commits: 2 });
    await expect(adopting).rejects.toThrow(CorruptObjectError);
    expect(store.head().commitId).toBeUndefined();
    const written = await store.write(storePath("own"), Buffer.from("own"), meta("own"));
    expect(written.changed).toBe(true);
  });

  test("whoever listens is told that the branch has moved, until it no longer wants to know", async () => {
    const { store } = await openStore();
    let told = 0;
    const release = store.onMoved(() => told++);
    await store.write(storePath("a"), Buffer.from("a"), meta("a"));
    await store.write(storePath("a"), Buffer.from("a"), meta("nothing changes"));
    await store.follow();
    expect(told).toBe(1);
    release();
    await store.write(storePath("b"), Buffer.from("b"), meta("b"));
    expect(told).toBe(1);
  });
});
