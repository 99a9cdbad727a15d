import { expect, test } from "bun:test";
import { nextTurn } from "../../../src/primitives/jobs/next-turn.ts";
import { sharedByTurn } from "../../../src/primitives/jobs/shared-by-turn.ts";

test("callers of one turn share a run that begins after their calls; later ones do not wait for it", async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const run = sharedByTurn(() => {
    const begun = Promise.withResolvers<void>();
    runs.push(begun);
    return begun.promise;
  });
  const [one, two] = [run(), run()];
  expect(runs.length).toBe(0);
  await nextTurn();
  await nextTurn();
  expect(runs.length).toBe(1);
  const later = run();
  await nextTurn();
  await nextTurn();
  expect(runs.length).toBe(2);
  runs[1]?.resolve();
  await later;
  runs[0]?.reject(new Error("it failed"));
  await expect(one).rejects.toThrow("it failed");
  await expect(two).rejects.toThrow("it failed");
});
