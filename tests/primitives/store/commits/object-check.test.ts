import { expect, test } from "bun:test";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";

test("a check of the objects ends within a commit that holds many files", async () => {
  const store = await Store.open("test", new MemoryStore());
  const author = { name: "alice", email: "alice@everlock" };
  const changes = Array.from({ length: 500 }, (_, i) => ({
    path: storePath(`files/${i}`),
    content: Buffer.from(String(i)),
  }));
  await store.commit(changes, { author, message: "many" });
  let steps = 0;
  const { objects } = await store.checkObjects(async () => ++steps < 3);
  expect(objects).toBeLessThan(100);
  expect((await store.checkObjects()).objects).toBe(503);
});
