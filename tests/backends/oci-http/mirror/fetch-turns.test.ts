import { expect, test } from "bun:test";
import { FetchTurns } from "../../../../src/backends/oci-http/mirror/fetch-turns.ts";
import { OverloadedError } from "../../../../src/primitives/bounds/semaphore.ts";

const LIMITS = { atOnce: 3, ofClient: 2, waiting: 4, waitingOfClient: 3 };

/** Fetches that last until they are ended. */
function fetches() {
  const turns = new FetchTurns(LIMITS);
  const running: string[] = [];
  const begin = (client: string) => {
    const end = Promise.withResolvers<void>();
    const done = turns.run(client, async () => {
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
