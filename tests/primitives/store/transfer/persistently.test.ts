import { expect, test } from "bun:test";
import { ExpectedError } from "../../../../src/primitives/expected-error.ts";
import { persistently } from "../../../../src/primitives/store/transfer/persistently.ts";

const away = () => new ExpectedError("the object store fails", { kind: "unavailable" });

/** Work that fails `failures` times in a row; `brings` counts what it brings before it does. */
function failing(failures: number, brings: (attempt: number) => number) {
  const pauses: number[] = [];
  let [attempts, brought] = [0, 0];
  const run = () =>
    persistently(
      {
        watch: { pausing: (_, ms) => void pauses.push(ms) },
        progress: () => brought,
        pausesMs: [1, 2, 3],
      },
      async () => {
        brought += brings(++attempts);
        if (attempts <= failures) throw away();
        return attempts;
      },
    );
  return { run, pauses };
}

test("work is repeated with growing pauses while the storage is away", async () => {
  const { run, pauses } = failing(3, () => 0);
  expect([await run(), pauses]).toEqual([4, [1, 2, 3]]);
});

test("work that brings nothing for too long fails with what the storage says", async () => {
  await expect(failing(4, () => 0).run()).rejects.toThrow("the object store fails");
});

test("work that brings something goes on for as long as it does", async () => {
  const { run, pauses } = failing(10, () => 1);
  expect([await run(), pauses]).toEqual([11, Array(10).fill(1)]);
});

test("a failure that a retry does not change ends the work at once", async () => {
  const watch = { pausing: () => expect.unreachable() };
  const work = () => Promise.reject(new ExpectedError("no", { kind: "unusable" }));
  await expect(persistently({ watch, progress: () => 0 }, work)).rejects.toThrow("no");
});
