import { expect, test } from "bun:test";
import { FetchTurns } from "../../../../src/backends/oci-http/mirror/fetch-turns.ts";
import { OverloadedError } from "../../../../src/primitives/bounds/semaphore.ts";

const LIMITS = {
  atOnce: 3,
  ofUpstream: 3,
  ofClient: 2,
  ofClientAtUpstream: 2,
  waiting: 4,
  waitingOfClient: 3,
};

/** Fetches that last until they are ended. */
function fetches(limits = LIMITS) {
  const turns = new FetchTurns(limits);
  const running: string[] = [];
  const begin = (client: string, upstream = "hub") => {
    const end = Promise.withResolvers<void>();
    const done = turns.run({ client, upstream }, async () => {
      running.push(client);
      await end.promise;
      running.splice(running.indexOf(client), 1);
    });
    return { done, end: end.resolve };
  };
  return { running, begin };
}

test("few fetches run at once, and one client never has all of them", async () => {
  const { running, begin } = fetches();
  const ofA = [begin("a"), begin("a"), begin("a")];
  const ofB = [begin("b"), begin("b")];
  await Promise.resolve();
  expect(running).toEqual(["a", "a", "b"]);
  ofA[0]?.end();
  await ofA[0]?.done;
  await Promise.resolve();
  expect(running.toSorted()).toEqual(["a", "a", "b"]);
  for (const { end } of [...ofA, ...ofB]) end();
  await Promise.all([...ofA, ...ofB].map(({ done }) => done));
  expect(running).toEqual([]);
});

test("no more fetches wait than the limits allow, of one client and of all", async () => {
  const { begin } = fetches();
  const ofA = Array.from({ length: 5 }, () => begin("a"));
  await expect(begin("a").done).rejects.toBeInstanceOf(OverloadedError);
  const ofB = [begin("b"), begin("b")];
  await expect(begin("c").done).rejects.toBeInstanceOf(OverloadedError);
  for (const { end } of [...ofA, ...ofB]) end();
  await Promise.all([...ofA, ...ofB].map(({ done }) => done));
});

test("a slow upstream does not hold up the fetches from others, also those of the same client", async () => {
  const { running, begin } = fetches({
    ...LIMITS,
    atOnce: 4,
    ofUpstream: 2,
    ofClient: 3,
    ofClientAtUpstream: 2,
  });
  const slow = [begin("a", "slow"), begin("a", "slow"), begin("a", "slow"), begin("b", "slow")];
  const quick = [begin("a", "quick"), begin("a", "quick"), begin("b", "quick")];
  await Promise.resolve();
  expect(running).toEqual(["a", "a", "a", "b"]);
  for (const { end } of quick) end();
  await quick[0]?.done;
  await quick[1]?.done;
  expect(running).toEqual(["a", "a"]);
  for (const { end } of slow) end();
  await Promise.all([...slow, ...quick].map(({ done }) => done));
  expect(running).toEqual([]);
});
