import { expect, test } from "bun:test";
import { HistoryIndex } from "../../../src/backends/oci-http/history-index.ts";
import { Store } from "../../../src/primitives/store/store.ts";
import { storePath } from "../../../src/primitives/store/store-path.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("the history knows all that was committed before it was asked, even if it was catching up already", async () => {
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

test("a history that could not be read is read again by the next who asks", async () => {
  const memory = new MemoryStore();
  const store = await Store.open("test", memory);
  const history = new HistoryIndex(`${temporaryDirectory()}/history.sqlite`, store);
  afterThisTest(() => history.close());
  const author = { name: "alice", email: "alice@everlock" };
  const { commitId } = await store.write(storePath("a"), Buffer.from("a"), { author, message: "write a" });
  const get = memory.objects.get;
  const gate = Promise.withResolvers<never>();
  memory.objects.get = () => gate.promise;
  const failing = history.catchUp().catch(String);
  await Bun.sleep(1);
  const next = history.catchUp();
  memory.objects.get = get;
  gate.reject(new Error("the disk can't be read"));
  await next;
  expect(await failing).toBe("Error: the disk can't be read");
  expect(history.head).toBe(commitId);
});
