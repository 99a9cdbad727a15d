import { expect, test } from "bun:test";
import { holdStores } from "../../../../src/primitives/store/commits/hold-stores.ts";

/** A store that counts who holds it; the hold begins when `ready` resolves. */
function heldStore(ready: Promise<void> = Promise.resolve()) {
  let holds = 0;
  return {
    holds: () => holds,
    async hold() {
      holds++;
      await ready.catch((error) => {
        holds--;
        throw error;
      });
      return () => {
        holds--;
      };
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("all stores are held until they are released", async () => {
  const stores = [heldStore(), heldStore()];
  const release = await holdStores(stores, new AbortController().signal);
  expect(stores.map((store) => store.holds())).toEqual([1, 1]);
  release();
  await turn();
  expect(stores.map((store) => store.holds())).toEqual([0, 0]);
});

test("if one store can't be held, the others are released", async () => {
  const stores = [heldStore(), heldStore(Promise.reject(new Error("the disk is full")))];
  expect(await holdStores(stores, new AbortController().signal).catch(String)).toBe(
    "Error: the disk is full",
  );
  await turn();
  expect(stores.map((store) => store.holds())).toEqual([0, 0]);
});

test("holding stores stops when it is aborted, and releases stores that are held later", async () => {
  const slow = Promise.withResolvers<void>();
  const stores = [heldStore(), heldStore(slow.promise)];
  const abort = new AbortController();
  const holding = holdStores(stores, abort.signal).catch(String);
  await turn();
  abort.abort(new Error("gone"));
  expect(await holding).toBe("Error: gone");
  await turn();
  expect(stores.map((store) => store.holds())).toEqual([0, 1]);
  slow.resolve();
  await turn();
  expect(stores.map((store) => store.holds())).toEqual([0, 0]);
});
