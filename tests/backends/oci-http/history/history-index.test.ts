import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { manifestPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { HistoryIndex } from "../../../../src/backends/oci-http/history/history-index.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { flipBit } from "../../../support/flipped-bit.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

test("the history has all commits made before a query, even if it was catching up already", async () => {
  const store = await Store.open("test", new MemoryStore());
  const history = new HistoryIndex(`${temporaryDirectory()}/history.sqlite`, store);
  afterThisTest(() => history.close());
  const author = { name: "alice", email: "alice@everlock" };
  const write = (name: string) =>
    store.write(storePath(name), Buffer.from(name), { author, message: `write ${name}` });
  for (let i = 0; i < 50; i++) await write(`a${i}`);
  const underWay = history.catchUp();
  const { commitId } = await write("newest");
  await Promise.all([history.catchUp(), history.catchUp()]);
  expect(history.head).toBe(commitId);
  await underWay;
});

test("a history that could not be read is read again by the next query", async () => {
  const memory = new MemoryStore();
  const store = await Store.open("test", memory);
  const history = new HistoryIndex(`${temporaryDirectory()}/history.sqlite`, store);
  afterThisTest(() => history.close());
  const author = { name: "alice", email: "alice@everlock" };
  const { commitId } = await store.write(storePath("a"), Buffer.from("a"), { author, message: "write a" });
  const get = memory.objects.get;
  const gate = Promise.withResolvers<never>();
  const reading = Promise.withResolvers<void>();
  memory.objects.get = () => {
    reading.resolve();
    return gate.promise;
  };
  const failing = history.catchUp().catch(String);
  await reading.promise;
  const next = history.catchUp();
  memory.objects.get = get;
  gate.reject(new Error("the disk can't be read"));
  await next;
  expect(await failing).toBe("Error: the disk can't be read");
  expect(history.head).toBe(commitId);
});

test("closing the history stops its catching up, also within a large commit", async () => {
  const memory = new MemoryStore();
  const store = await Store.open("test", memory);
  const author = { name: "alice", email: "alice@everlock" };
  const paths = Array.from({ length: 1000 }, (_, i) =>
    manifestPath("app" as RepositoryName, digestOf(Buffer.from(String(i)))),
  );
  const content = Buffer.from("{}");
  await store.commit(
    paths.map((path) => ({ path, content })),
    { author, message: "add" },
  );
  await store.commit(
    paths.map((path) => ({ path, content: null })),
    { author, message: "remove" },
  );
  // With nothing in memory of what it has written.
  const reopened = await Store.open("again", memory);
  const path = `${temporaryDirectory()}/history.sqlite`;
  const history = new HistoryIndex(path, reopened);
  const { get } = memory.objects;
  let [reads, closed] = [0, Promise.resolve()];
  memory.objects.get = (id) => {
    // After the two commits and the first directories.
    if (++reads === 10) closed = history.close();
    return get.call(memory.objects, id);
  };
  await history.catchUp();
  await closed;
  expect(reads).toBeLessThan(100);
  const again = new HistoryIndex(path, reopened);
  afterThisTest(() => again.close());
  expect(again.head).toBeUndefined();
  await again.catchUp();
  expect(again.head).toBe(store.head().commitId);
});

test("a damaged history is rebuilt from the commits, at the start and while it is open, and reported", async () => {
  const store = await Store.open("test", new MemoryStore());
  const author = { name: "alice", email: "alice@everlock" };
  const { commitId } = await store.write(storePath("a"), Buffer.from("a"), { author, message: "write a" });
  const path = `${temporaryDirectory()}/history.sqlite`;
  const before = new HistoryIndex(path, store);
  await before.catchUp();
  await before.close();
  const reports: string[] = [];
  for (const [offset, reason] of [
    [0, "its header is not that of a database"],
    [4096, "Tree 2 page 2"],
  ] as const) {
    flipBit(path, offset, 6);
    const history = new HistoryIndex(path, store, (said) => reports.push(said));
    await history.catchUp();
    expect(history.head).toBe(commitId);
    expect(reports.splice(0)).toEqual([expect.stringContaining(reason)]);
    await history.close();
  }
  const open = new HistoryIndex(path, store, (said) => reports.push(said));
  afterThisTest(() => open.close());
  const vandal = new Database(path);
  vandal.run("DROP TABLE moves");
  vandal.close();
  const events = await Array.fromAsync(open.events());
  expect(events.map((event) => event.commitId)).toEqual(commitId ? [commitId] : []);
  await store.write(storePath("b"), Buffer.from("b"), {
    author,
    message: "push b\n\nRepository: b\nTag: v1",
  });
  await open.catchUp();
  expect(open.head).toBe(store.head().commitId);
  expect(reports).toHaveLength(1);
});
