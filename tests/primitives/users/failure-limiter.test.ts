import { expect, test } from "bun:test";
import { FailureLimiter, type Guesser } from "../../../src/primitives/users/failure-limiter.ts";
import { KnownNetworks } from "../../../src/primitives/users/known-networks.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";

const alice = "alice" as UserName;
const at = (network: string, login: string = alice): Guesser => ({ login, network });

function start() {
  let now = 5_000_000;
  const limiter = new FailureLimiter(new KnownNetworks(), () => now);
  /** How many of so many wrong guesses are looked at. */
  const guess = (count: number, guesser: (i: number) => Guesser) => {
    let looked = 0;
    for (let i = 0; i < count; i++) {
      if (limiter.waitMs(guesser(i)) > 0) continue;
      limiter.take(guesser(i), true);
      limiter.failed(guesser(i));
      looked++;
    }
    return looked;
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { limiter, guess, pass };
}

test("a network has ten guesses a minute for one user and thirty for all users", () => {
  const { guess, pass } = start();
  expect(guess(250, () => at("192.0.2.1"))).toBe(10);
  expect(guess(250, (i) => at("192.0.2.1", `user${i}`))).toBe(20);
  pass(60_000);
  expect(guess(250, () => at("192.0.2.1"))).toBe(10);
});

test("a network that has used up its guesses waits six seconds at most for another, however many it makes", () => {
  const { limiter, guess, pass } = start();
  for (let i = 0; i < 20; i++) {
    guess(250, () => at("192.0.2.1"));
    guess(250, (j) => at("192.0.2.1", `user${j}`));
    expect(limiter.waitMs(at("192.0.2.1"))).toBe(6000);
    pass(6000);
    expect(limiter.waitMs(at("192.0.2.1"))).toBe(0);
  }
});

test("networks together have twenty guesses a minute for a user, and the first guess of each of a hundred", () => {
  const { guess } = start();
  expect(guess(12 * 250, (i) => at(`192.0.2.${i % 12}`))).toBeLessThanOrEqual(32);
  const looked = start().guess(10_000, (i) => at(`10.1.${i >> 8}.${i & 255}`));
  // A network whose slot another one shares counts as one that failed.
  expect(looked).toBeGreaterThanOrEqual(100);
  expect(looked).toBeLessThanOrEqual(120);
  expect(start().guess(10_000, (i) => at(`10.1.0.${i % 200}`))).toBe(120);
});

test("a user can't be locked out at a network where it has logged in before, by others or by itself", () => {
  const { limiter, guess } = start();
  limiter.succeeded(alice, "198.51.100.1");
  guess(10_000, (i) => at(`10.1.${i >> 8}.${i & 255}`));
  guess(250, (i) => at("198.51.100.1", `user${i}`));
  expect(limiter.waitMs(at("198.51.100.1"))).toBe(0);
  expect(limiter.waitMs(at("198.51.100.2"))).toBeGreaterThan(0);
  // At that network there are ten guesses, as anywhere.
  expect(guess(250, () => at("198.51.100.1"))).toBe(10);
});

test("networks that have failed can't use up the guesses of other networks", () => {
  const { limiter, guess, pass } = start();
  guess(10, (i) => at(`192.0.2.${i}`, "bob"));
  pass(60_000);
  expect(guess(1000, (i) => at(`192.0.2.${i % 10}`))).toBe(20);
  expect(limiter.waitMs(at("198.51.100.1"))).toBe(0);
});

test("a right guess is refunded", () => {
  const { limiter } = start();
  for (let i = 0; i < 100; i++) {
    expect(limiter.waitMs(at("192.0.2.1"))).toBe(0);
    limiter.take(at("192.0.2.1"), true)();
  }
});

test("random logins from random networks neither release a lock nor lock other users", () => {
  const { limiter, guess } = start();
  guess(10, () => at("192.0.2.1"));
  for (let i = 0; i < 60_000; i++) {
    const guesser = at(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, `random ${i}`);
    limiter.take(guesser, true);
    limiter.failed(guesser);
  }
  expect(limiter.waitMs(at("192.0.2.1"))).toBeGreaterThan(0);
  expect(limiter.waitMs(at("198.51.100.1", "carol"))).toBe(0);
});

test("a user has logged in from the 32 networks used last", () => {
  const known = new KnownNetworks();
  for (let i = 0; i < 100; i++) known.add(alice, `network ${i}`);
  const remembered = Array.from({ length: 100 }, (_, i) => i).filter((i) => known.has(alice, `network ${i}`));
  expect([remembered.length, remembered[0]]).toEqual([32, 68]);
  expect(known.has("bob", "network 99")).toBe(false);
});
