import { expect, test } from "bun:test";
import { ObjectReader } from "../../../../src/primitives/store/commits/object-reader.ts";
import type { Projection } from "../../../../src/primitives/store/commits/projection.ts";
import { catchUp } from "../../../../src/primitives/store/commits/projection-catch-up.ts";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import type { Change } from "../../../../src/primitives/store/commits/tree-edit.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";

const FILES = 3000;

class Names implements Projection {
  head: ObjectId | undefined;
  resets = 0;
  readonly names = new Set<string>();

  apply(changes: readonly Change[], head?: ObjectId): void {
    for (const { path, content } of changes) this.names[content ? "add" : "delete"](path);
    this.head = head ?? this.head;
  }

  reset(): void {
    this.head = undefined;
    this.resets++;
    this.names.clear();
  }
}

async function openWith(...names: string[]) {
  const memory = new MemoryStore();
  const store = await Store.open("test", memory);
  const write = (name: string) =>
    store.write(storePath(name), Buffer.from(name), {
      author: { name: "alice", email: "alice@everlock" },
      message: name,
    });
  for (const name of names) await write(name);
  return { memory, store, write, reader: () => new ObjectReader(memory.objects) };
}

test("a projection gets the changes since its commit", async () => {
  const { store, write, reader } = await openWith("a", "b");
  const names = new Names();
  await catchUp(names, store.head(), reader());
  const { resets } = names;
  await write("c");
  await catchUp(names, store.head(), reader());
  expect([...names.names].sort()).toEqual(["a", "b", "c"]);
  expect(names.head).toBe(store.head().commitId);
  expect(names.resets).toBe(resets);
});

test.each(["EIO", "EMFILE", "EAGAIN", "EBUSY"])(
  "a projection keeps all it knows while its commit can't be read: %s",
  async (code) => {
    const { memory, store, write, reader } = await openWith("a");
    const names = new Names();
    await catchUp(names, store.head(), reader());
    const { head, resets } = names;
    await write("b");
    const { get } = memory.objects;
    memory.objects.get = () => Promise.reject(Object.assign(new Error("no such luck"), { code }));
    await expect(catchUp(names, store.head(), reader())).rejects.toThrow("no such luck");
    expect([[...names.names], names.head, names.resets]).toEqual([["a"], head, resets]);
    memory.objects.get = get;
    await catchUp(names, store.head(), reader());
    expect([...names.names].sort()).toEqual(["a", "b"]);
  },
);

test("a projection is rebuilt if its commit no longer exists", async () => {
  const { store, reader } = await openWith("a");
  const names = new Names();
  names.apply([{ path: storePath("of a history that was rewritten"), content: Buffer.from("x") }]);
  names.head = "0".repeat(64) as ObjectId;
  await catchUp(names, store.head(), reader());
  expect([...names.names]).toEqual(["a"]);
});

test("changes that a projection got before an interruption are not kept", async () => {
  const { store, reader } = await openWith("a");
  const names = new Names();
  names.apply([{ path: storePath("told in part"), content: Buffer.from("x") }]);
  await catchUp(names, store.head(), reader());
  expect([...names.names]).toEqual(["a"]);
});

test("building an index stops as soon as it is aborted, and does not block the event loop", async () => {
  const memory = new MemoryStore();
  const author = { name: "alice", email: "alice@everlock" };
  const first = await Store.open("test", memory);
  await first.commit(
    Array.from({ length: FILES }, (_, i) => ({
      path: storePath(`d${i % 64}/f${i}`),
      content: Buffer.from(`${i}`),
    })),
    { author, message: "many files" },
  );
  const abort = new AbortController();
  let told = 0;
  const projection: Projection = {
    head: undefined,
    apply: (changes) => {
      told += changes.length;
    },
    reset: () => undefined,
  };
  // Comes in as a signal does: by the event loop, which has to turn for it.
  setImmediate(() => abort.abort(new Error("enough")));
  const { get } = memory.objects;
  memory.objects.get = (id) => {
    Bun.sleepSync(0.1);
    return get.call(memory.objects, id);
  };
  const opening = Store.open("again", {
    objects: memory.objects,
    branch: memory.branch,
    projection,
    signal: abort.signal,
  });
  expect(await opening.catch(String)).toBe("Error: enough");
  expect(told).toBeLessThan(FILES);
});
