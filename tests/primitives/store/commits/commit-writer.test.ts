import { expect, test } from "bun:test";
import { nextTurn } from "../../../../src/primitives/jobs/next-turn.ts";
import type { Projection } from "../../../../src/primitives/store/commits/projection.ts";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import type { Change } from "../../../../src/primitives/store/commits/tree-edit.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { eventually } from "../../../support/eventually.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";

const meta = (message: string) => ({ author: { name: "alice", email: "alice@everlock" }, message });

async function open(projection?: Projection) {
  const memory = new MemoryStore();
  const store = await Store.open("test", Object.assign(memory, { projection }));
  const write = (name: string) => store.write(storePath(name), Buffer.from(name), meta(name));
  const subjects = async () =>
    (await Array.fromAsync(store.history())).map(({ commit }) => commit.message.trim()).reverse();
  const names = async () => (await Array.fromAsync(store.list())).map(({ path }) => String(path)).sort();
  return { memory, store, write, subjects, names };
}

/** Holds a batch up: `reached` once it is about to be stored, until `open` is called. */
function gateAt(memory: MemoryStore, at: number, fails?: Error) {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  memory.beforePut = async (batch) => {
    if (batch !== at) return;
    reached.resolve();
    await gate.promise;
    if (fails) throw fails;
  };
  return { reached: reached.promise, open: () => gate.resolve() };
}

test("commits that arrive while a group is made durable form the next group, one commit each", async () => {
  const { memory, write, subjects } = await open();
  const gate = gateAt(memory, 1);
  const first = write("a");
  await gate.reached;
  const others = ["b", "c", "d"].map(write);
  await nextTurn();
  gate.open();
  await Promise.all([first, ...others]);
  expect(memory.batches).toHaveLength(2);
  expect(await subjects()).toEqual(["a", "b", "c", "d"]);
});

test("many large commits at once are made durable in groups of a bounded size", async () => {
  const { memory, store } = await open();
  const large = Buffer.alloc(2 * 1024 * 1024, "x");
  const names = Array.from({ length: 12 }, (_, i) => `file-${i}`);
  await Promise.all(
    names.map((name) => store.write(storePath(name), Buffer.concat([large, Buffer.from(name)]), meta(name))),
  );
  const sizes = memory.batches.map((batch) => batch.reduce((sum, { body }) => sum + body.length, 0));
  expect(Math.max(...sizes)).toBeLessThan(11 * 1024 * 1024);
  expect(memory.batches.length).toBeLessThan(6);
});

test("a commit that arrives at any moment after another one is written", async () => {
  const { write, names } = await open();
  for (let moment = 0; moment < 40; moment++) {
    await write(`a${moment}`);
    for (let i = 0; i < moment; i++) await Promise.resolve();
    await write(`b${moment}`);
  }
  expect(await names()).toHaveLength(80);
});

/** Remembers which files it was told of. */
class Files implements Projection {
  head: ObjectId | undefined;
  readonly names = new Set<string>();
  beforeApply: () => void = () => undefined;

  apply(changes: readonly Change[], head?: ObjectId): void {
    this.beforeApply();
    for (const { path } of changes) this.names.add(path);
    this.head = head ?? this.head;
  }

  reset(): void {
    this.head = undefined;
    this.names.clear();
  }
}

test("the next group is written to the disk before the index has the one before", async () => {
  const files = new Files();
  const memory = new MemoryStore();
  const { branch } = memory;
  const events: string[] = [];
  const publish = branch.publish.bind(branch);
  branch.publish = (publication) => {
    events.push("to the disk");
    return publish(publication);
  };
  files.beforeApply = () => events.push("shown");
  const store = await Store.open("test", { objects: memory.objects, branch, projection: files });
  const write = (name: string) => store.write(storePath(name), Buffer.from(name), meta(name));
  const gate = gateAt(memory, 1);
  const first = write("a");
  await gate.reached;
  const others = ["b", "c"].map(write);
  await nextTurn();
  gate.open();
  await Promise.all([first, ...others]);
  expect(events).toEqual(["to the disk", "to the disk", "shown", "shown"]);
});

test("a commit of many files is shown to the index in pieces, and those after it in order", async () => {
  const files = new Files();
  const { memory, store, write } = await open(files);
  await write("a");
  const applied: number[] = [];
  const apply = files.apply.bind(files);
  files.apply = (changes, head) => {
    applied.push(changes.length);
    apply(changes, head);
  };
  const gate = gateAt(memory, 2);
  const many = Array.from({ length: 6000 }, (_, i) => ({
    path: storePath(`many/${i % 100}/${i}`),
    content: Buffer.from(`${i}`),
  }));
  const first = store.commit(many, meta("many"));
  await gate.reached;
  const second = write("b");
  await nextTurn();
  gate.open();
  await Promise.all([first, second]);
  expect(Math.max(...applied)).toBeLessThanOrEqual(1000);
  expect([files.names.size, files.head]).toEqual([6002, store.head().commitId]);
});

/** Two commits that are durable when the index fails, as often as it is told to; then two more. */
async function commitBesideFailures(failures: number) {
  const files = new Files();
  const { memory, write, names } = await open(files);
  files.beforeApply = () => {
    if (failures-- > 0) throw new Error("the index is full");
  };
  const gate = gateAt(memory, 1);
  const outcome = (name: string) => write(name).then(() => name, String);
  const first = outcome("a");
  await gate.reached;
  const second = outcome("b");
  await nextTurn();
  gate.open();
  // Both are durable, and would be missing for whoever had been told that they are stored.
  expect(await Promise.all([first, second])).toEqual([
    "Error: the index is full",
    "Error: the index is full",
  ]);
  const later = [await outcome("c"), await outcome("d")];
  return { later, indexed: [...files.names].sort(), committed: await names() };
}

test("an index that fails gets the changes that it missed before any others", async () => {
  // Nor is anything new made that could not be seen.
  expect(await commitBesideFailures(3)).toEqual({
    later: ["Error: the index is full", "d"],
    indexed: ["a", "b", "d"],
    committed: ["a", "b", "d"],
  });
});

test("a commit that arrives while the writer recovers does not fail with an earlier error", async () => {
  const all = ["a", "b", "c", "d"];
  expect(await commitBesideFailures(2)).toEqual({ later: ["c", "d"], indexed: all, committed: all });
});

test("a group that can't be stored fails alone, and commits built on it are rebuilt", async () => {
  const { memory, write, subjects, names } = await open();
  await write("before");
  const gate = gateAt(memory, 2, new Error("the disk is full"));
  const lost = ["x", "y"].map((name) => write(name).catch((error: Error) => error.message));
  await gate.reached;
  const later = ["c", "d"].map(write);
  await nextTurn();
  gate.open();
  expect(await Promise.all(lost)).toEqual(["the disk is full", "the disk is full"]);
  await Promise.all(later);
  expect(await subjects()).toEqual(["before", "c", "d"]);
  expect(await names()).toEqual(["before", "c", "d"]);
});

test("a branch that another writer moves is followed, and no commit of either writer is lost", async () => {
  const { memory, write, subjects, names } = await open();
  const other = await Store.open("other", { objects: memory.objects, branch: memory.openBranch() });
  let interruptions = 2;
  await write("a");
  const foreign: Promise<unknown>[] = [];
  memory.beforePut = async () => {
    if (interruptions === 0) return;
    interruptions--;
    foreign.push(other.write(storePath(`foreign-${interruptions}`), Buffer.from("x"), meta("foreign")));
    await Bun.sleep(30);
  };
  await Promise.all(["b", "c", "d"].map(write));
  await Promise.all(foreign);
  await write("e");
  expect((await subjects()).filter((subject) => subject !== "foreign")).toEqual(["a", "b", "c", "d", "e"]);
  expect(await names()).toEqual(["a", "b", "c", "d", "e", "foreign-0", "foreign-1"]);
});

test("what another node publishes is read here without a write", async () => {
  const { memory, store } = await open();
  const other = await Store.open("other", { objects: memory.objects, branch: memory.openBranch() });
  const { commitId } = await other.write(storePath("foreign"), Buffer.from("x"), meta("foreign"));
  expect(await eventually(() => store.head().commitId === commitId)).toBe(true);
  expect(await store.read(storePath("foreign"))).toEqual(Buffer.from("x"));
});

test("an engine that fails outside a publication rejects all that wait, and later commits are made", async () => {
  const { memory, store, write, names } = await open();
  const { whenReady } = memory.branch;
  memory.branch.whenReady = () => {
    memory.branch.whenReady = whenReady;
    throw new Error("no idea");
  };
  const outcomes = await Promise.allSettled(["a", "b"].map(write));
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(store.waiting).toBe(0);
  await write("c");
  expect(await names()).toEqual(["c"]);
});
