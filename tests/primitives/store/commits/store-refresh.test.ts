import { expect, test } from "bun:test";
import { nextTurn } from "../../../../src/primitives/jobs/next-turn.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { StaleReadError, Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import type { ObjectStore } from "../../../../src/primitives/store/engine/objects.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { distantBranch } from "../../../support/memory-engine/distant-branch.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const meta = (message: string) => ({ author: { name: "alice", email: "alice@everlock" }, message });
const [A, B] = [storePath("a"), storePath("b")];

/** Two nodes over one store; `there` learns of moves only when it looks. */
async function openTwo(maxAgeMs = 0) {
  const memory = new MemoryStore();
  const here = await Store.open("test", { objects: memory.objects, branch: memory.openBranch() });
  const { branch, looks } = distantBranch(memory);
  const there = await Store.open("test", { objects: memory.objects, branch, maxAgeMs });
  const write = (store: Store, path = A) =>
    store.write(path, Buffer.from(crypto.randomUUID()), meta("write"));
  return { here, there, write, looks, memory };
}

test("after a refresh, a store shows what another node committed before it", async () => {
  const { here, there, write } = await openTwo();
  const { commitId } = await write(here);
  expect(there.head().commitId).toBeUndefined();
  await there.refresh();
  expect(there.head().commitId).toBe(commitId);
});

test("a refresh that finds nothing new makes no commit and waits for none", async () => {
  const { here, there, write } = await openTwo();
  await write(here);
  await there.refresh();
  await there.refresh();
  expect([there.commits, there.waiting]).toEqual([0, 0]);
});

test("a change that is refused is looked at again in the newest state of all nodes", async () => {
  const { here, there, write } = await openTwo();
  await write(here);
  const fileId = await here.head().fileId(A);
  // `there` has not seen the file; the expectation holds in the newest state alone.
  const expected = [{ path: A, fileId }];
  expect((await there.commit([{ path: B, content: Buffer.from("b") }], meta("b"), expected)).changed).toBe(
    true,
  );
  await write(here);
  const stale = there.commit([{ path: B, content: Buffer.from("c") }], meta("c"), expected);
  await expect(stale).rejects.toBeInstanceOf(StaleReadError);
});

test("a store that another node moves again and again commits on the newest state", async () => {
  const { here, there, write } = await openTwo();
  for (let i = 0; i < 10; i++) {
    await write(here, A);
    await write(there, B);
  }
  expect(await Array.fromAsync(there.history())).toHaveLength(20);
});

test("a refresh within the age that the operator allows asks nobody", async () => {
  const { there, looks } = await openTwo(60_000);
  await there.refresh();
  expect([there.refresh(), looks()]).toEqual([undefined, 1]);
});

test("a store on a local disk needs no refresh", async () => {
  const store = await localStores(temporaryDirectory(), consoleLogger).open("everlock-test" as StoreName);
  expect(store.refresh()).toBeUndefined();
  await store.close();
});

test("a refresh waits for the index, also while another one brings it up to date", async () => {
  const { here, write, memory } = await openTwo();
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const projection = {
    head: undefined as ObjectId | undefined,
    apply: (_: unknown, head?: ObjectId) => {
      projection.head = head ?? projection.head;
    },
    reset: () => undefined,
  };
  const objects: ObjectStore = {
    ...memory.objects,
    get: async (id) => {
      const found = await memory.objects.get(id);
      // The content of the file, which the index needs.
      if (found?.type === "blob") {
        reached.resolve();
        await gate.promise;
      }
      return found;
    },
  };
  const there = await Store.open("test", { objects, branch: distantBranch(memory).branch, projection });
  const { commitId } = await write(here);
  const first = there.refresh();
  await reached.promise;
  let isOver = false;
  const second = there.refresh()?.then(() => {
    isOver = true;
  });
  await nextTurn();
  expect([isOver, projection.head]).toEqual([false, undefined]);
  gate.resolve();
  await Promise.all([first, second]);
  expect([projection.head, there.head().commitId]).toEqual([commitId, commitId]);
});
