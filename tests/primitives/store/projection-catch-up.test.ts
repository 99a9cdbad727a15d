import { expect, test } from "bun:test";
import type { Projection } from "../../../src/primitives/store/projection.ts";
import { Store } from "../../../src/primitives/store/store.ts";
import { storePath } from "../../../src/primitives/store/store-path.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const FILES = 3000;

test("an index that is being built ends as soon as it is asked to, and lets signals through until then", async () => {
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
