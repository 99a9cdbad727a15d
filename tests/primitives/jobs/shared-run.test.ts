import { expect, test } from "bun:test";
import { SharedRun } from "../../../src/primitives/jobs/shared-run.ts";

/** A shared run whose work ends when `end` is called. */
function open() {
  const runs: PromiseWithResolvers<void>[] = [];
  const shared = new SharedRun(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  const end = async (error?: Error) => {
    const last = runs.at(-1);
    if (error) last?.reject(error);
    else last?.resolve();
    await Bun.sleep(0);
  };
  return { shared, end, count: () => runs.length };
}

test("callers that ask while a run is under way share the next one", async () => {
  const { shared, end, count } = open();
  const first = shared.run();
  const others = [shared.run(), shared.run(), shared.run()];
  expect(count()).toBe(1);
  await end();
  await first;
  expect(count()).toBe(2);
  await end();
  await Promise.all(others);
  expect(count()).toBe(2);
});

test("a run that fails rejects its own callers, and the next one starts", async () => {
  const { shared, end, count } = open();
  const first = shared.run();
  const second = shared.run();
  const failure = first.catch(String);
  await end(new Error("away"));
  expect(await failure).toBe("Error: away");
  expect(count()).toBe(2);
  await end();
  await second;
});
