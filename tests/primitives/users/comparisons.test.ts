import { expect, test } from "bun:test";
import { nextTurn } from "../../../src/primitives/jobs/next-turn.ts";
import { Comparisons, type Guess, type Outcome } from "../../../src/primitives/users/comparisons.ts";
import { FailureLimiter, type Guesser } from "../../../src/primitives/users/failure-limiter.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";

const admin = "admin" as UserName;

/** Comparisons that end one after the other, when they are told to. */
function start(maxRunning = 1) {
  const limiter = new FailureLimiter();
  const comparisons = new Comparisons(limiter, maxRunning);
  const compared: string[] = [];
  const running: (() => void)[] = [];
  const outcomes: string[] = [];
  const ask = (guesser: Guesser, password: string): Promise<Outcome> => {
    const guess: Guess = {
      key: `${guesser.login}:${password}`,
      compare() {
        compared.push(`${guesser.login}:${password}`);
        return new Promise((resolve) =>
          running.push(() => resolve(password === "right" ? "the hash" : undefined)),
        );
      },
    };
    const outcome = comparisons.outcomeFor(guesser, guess);
    void outcome.then(({ kind }) => outcomes.push(`${guesser.login}:${password} ${kind}`));
    return outcome;
  };
  /** Lets so many comparisons end; fewer if there are no more. */
  const end = async (count: number) => {
    for (let i = 0; i < count; i++) {
      running.shift()?.();
      for (let turn = 0; turn < 6; turn++) await Promise.resolve();
    }
  };
  const tally = () => {
    const counts: Record<string, number> = {};
    for (const outcome of outcomes) {
      const kind = outcome.split(" ").at(-1) ?? "";
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  };
  return { limiter, comparisons, compared, outcomes, ask, end, tally };
}

const at = (network: string, login: string = admin): Guesser => ({ login, network });

test("of 250 guesses at once, ten are compared", async () => {
  const { compared, comparisons, ask, end, tally } = start(4);
  for (let i = 0; i < 250; i++) void ask(at("192.0.2.1"), `wrong ${i}`);
  await end(250);
  expect(compared.length).toBe(10);
  expect(tally()).toEqual({ wrong: 10, locked: 240 });
  expect([comparisons.count, comparisons.waiting]).toEqual([10, 0]);
});

test("of 250 guesses at once from each of twelve networks, at most thirty-two are compared", async () => {
  const { compared, ask, end } = start();
  for (let i = 0; i < 12 * 250; i++) void ask(at(`192.0.2.${i % 12}`), `wrong ${i}`);
  await end(3000);
  expect(compared.length).toBeGreaterThan(0);
  expect(compared.length).toBeLessThanOrEqual(32);
});

test("a right login beside a flood from one network is next", async () => {
  const { compared, ask, end } = start();
  for (let i = 0; i < 1000; i++) void ask(at("192.0.2.1", `user${i}`), "wrong");
  await end(3);
  const right = ask(at("198.51.100.1"), "right");
  await end(3);
  expect((await right).kind).toBe("matched");
  expect(compared.indexOf("admin:right")).toBeLessThanOrEqual(4);
});

test("a right login beside a flood from many networks that have failed is next, and so is one from a known network", async () => {
  const { limiter, compared, ask, end } = start();
  limiter.succeeded(admin, "198.51.100.1");
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 200; i++) void ask(at(`10.0.0.${i}`, `user${i}`), `wrong ${round}`);
    await end(210);
  }
  for (let i = 0; i < 1000; i++) void ask(at(`10.0.0.${i % 200}`, `user${i}`), "wrong");
  const before = compared.length;
  const logins = [ask(at("198.51.100.1"), "right"), ask(at("198.51.100.2", "bob"), "right")];
  await end(4);
  expect((await Promise.all(logins)).map(({ kind }) => kind)).toEqual(["matched", "matched"]);
  expect(compared.length - before).toBeLessThanOrEqual(5);
});

test("a right login from a known network beside endless newcomers is next", async () => {
  const { limiter, compared, ask, end } = start();
  limiter.succeeded(admin, "198.51.100.1");
  for (let i = 0; i < 5000; i++) void ask(at(`10.1.${i >> 8}.${i & 255}`, `user${i}`), "wrong");
  const right = ask(at("198.51.100.1"), "right");
  await end(3);
  expect((await right).kind).toBe("matched");
  expect(compared.length).toBeLessThanOrEqual(4);
});

test("equal guesses share one comparison, from one address or from many", async () => {
  const { compared, ask, end, tally, limiter } = start();
  for (let i = 0; i < 1000; i++) void ask(at(`10.0.${i >> 8}.${i & 255}`), "right");
  for (let i = 0; i < 1000; i++) void ask(at("192.0.2.1"), "right");
  await end(1);
  expect([tally(), compared.length]).toEqual([{ matched: 2000 }, 1]);
  // Nothing is counted of it.
  for (let i = 0; i < 10; i++) void ask(at("192.0.2.1"), `wrong ${i}`);
  await end(10);
  expect(compared.length).toBe(11);
  expect(limiter.waitMs(at("10.0.0.1"))).toBe(0);
});

test("the same wrong guess many times at once is compared once and counted once", async () => {
  const { compared, limiter, ask, end, tally } = start();
  for (let i = 0; i < 12; i++) void ask(at("192.0.2.1"), "wrong");
  await end(1);
  expect([tally(), compared.length]).toEqual([{ wrong: 12 }, 1]);
  expect(limiter.delayMs(at("192.0.2.1"))).toBe(100);
  for (let i = 0; i < 9; i++) void ask(at("192.0.2.1"), `wrong ${i}`);
  await end(9);
  expect(limiter.waitMs(at("192.0.2.1"))).toBeGreaterThan(0);
});

test("a login that joins a comparison after too many failures is locked", async () => {
  const { ask, end, outcomes } = start();
  for (let i = 0; i < 10; i++) void ask(at("192.0.2.1"), `wrong ${i}`);
  await end(10);
  void ask(at("198.51.100.1"), "right");
  void ask(at("192.0.2.1"), "right");
  await end(1);
  expect(outcomes.slice(-2).toSorted()).toEqual(["admin:right locked", "admin:right matched"]);
});

test("a comparison that fails rejects its waiting logins, and the next one runs", async () => {
  const { comparisons, ask, end } = start();
  const broken = comparisons.outcomeFor(at("192.0.2.1"), {
    key: "broken",
    compare: () => Promise.reject(new Error("no hash")),
  });
  expect((await broken).kind).toBe("failed");
  const right = ask(at("192.0.2.1"), "right");
  await end(1);
  expect((await right).kind).toBe("matched");
});

test("waiting logins are limited, and further ones are refused as busy", async () => {
  const { comparisons, ask, end, tally } = start();
  for (let i = 0; i < 3000; i++) void ask(at(`10.0.${i >> 8}.${i & 255}`, `user${i}`), `wrong ${i}`);
  // One runs and 256 newcomers wait.
  await Promise.resolve();
  await end(0);
  await nextTurn();
  expect(comparisons.waiting).toBe(257);
  expect(tally()).toEqual({ busy: 3000 - 257 });
  await end(300);
  expect(comparisons.waiting).toBe(0);
});
