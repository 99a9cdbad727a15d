import { expect, test } from "bun:test";
import { networkOf } from "../../../src/primitives/net/client-network.ts";
import { FailureLimiter } from "../../../src/primitives/users/failure-limiter.ts";
import { PasswordChecker } from "../../../src/primitives/users/password-checker.ts";
import { hashPassword } from "../../../src/primitives/users/passwords.ts";
import type { User, UserName } from "../../../src/primitives/users/user.ts";
import { UserDirectory } from "../../../src/primitives/users/user-directory.ts";

/** More than may wait for Argon2id at once. */
const FLEET = 1000;
const addressOf = (i: number) => `10.0.${i >> 8}.${i & 255}`;

async function aliceWith(password: string): Promise<User> {
  return {
    name: "alice" as UserName,
    displayName: "Alice",
    isDisabled: false,
    credentials: [{ kind: "password", hash: await hashPassword(password) }],
    grants: [],
  };
}

async function checkerOf(user: User) {
  let users = new UserDirectory([user]);
  /** How long those who failed would have waited, in milliseconds. */
  const delays: number[] = [];
  const replace = (next: User) => {
    users = new UserDirectory([next]);
  };
  const limiter = new FailureLimiter();
  return {
    checker: new PasswordChecker(() => users, { limiter, delay: async (ms) => void delays.push(ms) }),
    isLocked: (login: string, address: string) => limiter.waitMs({ login, network: networkOf(address) }) > 0,
    replace,
    delays,
  };
}

/** How many of a fleet's machines, which all come at once, got which verdict. */
async function verdictsOf(checker: PasswordChecker, login: string, password: string) {
  const checks = Array.from({ length: FLEET }, (_, i) => checker.check(login, password, addressOf(i)));
  const kinds = (await Promise.all(checks)).map(({ kind }) => kind);
  return Object.fromEntries(
    [...new Set(kinds)].map((kind) => [kind, kinds.filter((k) => k === kind).length]),
  );
}

test("a fleet that logs in at once with one password is accepted as a whole", async () => {
  const { checker } = await checkerOf(await aliceWith("right"));
  expect(await verdictsOf(checker, "alice", "right")).toEqual({ matches: FLEET });
  expect(checker.failures).toEqual({ refused: 0, limited: 0 });
});

test("a fleet that logs in at once with a wrong password is refused, and each login counts as a failure", async () => {
  const { checker, isLocked } = await checkerOf(await aliceWith("right"));
  for (const login of ["alice", "nobody"])
    expect(await verdictsOf(checker, login, "wrong")).toEqual({ refused: FLEET });
  expect(checker.failures).toEqual({ refused: 2 * FLEET, limited: 0 });
  const again = Array.from({ length: 9 }, (_, i) => checker.check("alice", `wrong ${i}`, addressOf(0)));
  expect((await Promise.all(again)).every(({ kind }) => kind === "refused")).toBe(true);
  expect(isLocked("alice", addressOf(0))).toBe(true);
  expect(isLocked("alice", addressOf(1))).toBe(false);
});

test("parallel logins are each compared with their own password and user", async () => {
  const { checker } = await checkerOf(await aliceWith("right"));
  const logins = [
    ["alice", "right"],
    ["alice", "wrong"],
    ["alic", "eright"],
    ["nobody", "right"],
    ["alice", "right"],
  ] as const;
  const verdicts = await Promise.all(
    logins.map(([login, password]) => checker.check(login, password, "::1")),
  );
  expect(verdicts.map(({ kind }) => kind)).toEqual(["matches", "refused", "refused", "refused", "matches"]);
});

test("a new password is valid at once, even while it is being compared with the old one", async () => {
  const { checker, replace } = await checkerOf(await aliceWith("old"));
  const changed = await aliceWith("new");
  const early = checker.check("alice", "new", "::1");
  replace(changed);
  expect((await checker.check("alice", "new", "::1")).kind).toBe("matches");
  expect((await early).kind).toBe("refused");
});

test("of 250 passwords guessed at once ten are compared, whatever their address in one /64", async () => {
  const { checker, isLocked } = await checkerOf(await aliceWith("right"));
  const guesses = Array.from({ length: 250 }, (_, i) =>
    checker.check("alice", `wrong ${i}`, `2001:db8::${i}`),
  );
  const kinds = (await Promise.all(guesses)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "refused").length).toBe(10);
  expect([checker.comparisons, checker.failures]).toEqual([10, { refused: 10, limited: 240 }]);
  expect(isLocked("alice", "2001:db8::ffff")).toBe(true);
  expect(isLocked("alice", "2001:db8:0:1::1")).toBe(false);
  // The right password is not looked at either, and nothing tells it from a wrong one.
  expect((await checker.check("alice", "right", "2001:db8::1")).kind).toBe("limited");
});

test("an unknown login is counted, locked and compared like a known one", async () => {
  const { checker } = await checkerOf(await aliceWith("right"));
  const verdicts: string[][] = [];
  for (const login of ["alice", "nobody", "No User", ""]) {
    const before = checker.comparisons;
    const guesses = Array.from({ length: 12 }, (_, i) => checker.check(login, `wrong ${i}`, "192.0.2.7"));
    verdicts.push((await Promise.all(guesses)).map(({ kind }) => kind));
    const compared = checker.comparisons - before;
    if (login !== "") expect([login, compared]).toEqual([login, 10]);
    // The network has used up its guesses but for those that were refilled meanwhile.
    else expect(compared).toBeLessThan(10);
  }
  expect(verdicts[1]).toEqual(verdicts[0] ?? []);
  expect(verdicts[2]).toEqual(verdicts[0] ?? []);
}, 20_000);

test("each failure is reported later than the one before, up to a second", async () => {
  const { checker, delays } = await checkerOf(await aliceWith("right"));
  for (let i = 0; i < 10; i++) await checker.check("alice", `wrong ${i}`, "192.0.2.1");
  expect(delays).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  delays.length = 0;
  await checker.check("alice", "right", "192.0.2.2");
  await checker.check("alice", "wrong", "192.0.2.2");
  expect(delays).toEqual([100]);
});

test("a client that repeats one wrong password is refused each time, and locks out nobody at its network", async () => {
  const { checker, delays, isLocked } = await checkerOf(await aliceWith("right"));
  for (let i = 0; i < 100; i++) {
    const { kind } = await checker.check("alice", "of last year", "192.0.2.1");
    expect([i, kind]).toEqual([i, "refused"]);
  }
  expect([checker.comparisons, checker.failures.refused]).toEqual([1, 100]);
  expect(delays.every((ms) => ms === 100)).toBe(true);
  expect((await checker.check("alice", "right", "192.0.2.1")).kind).toBe("matches");
  // Others are counted as before.
  for (let i = 0; i < 9; i++) await checker.check("alice", `wrong ${i}`, "192.0.2.1");
  expect(isLocked("alice", "192.0.2.1")).toBe(true);
  expect((await checker.check("alice", "of last year", "192.0.2.1")).kind).toBe("refused");
});

test("a wrong password that becomes the right one is accepted at once, and the old one is not", async () => {
  const { checker, replace } = await checkerOf(await aliceWith("old"));
  expect((await checker.check("alice", "old", "192.0.2.1")).kind).toBe("matches");
  expect((await checker.check("alice", "new", "192.0.2.1")).kind).toBe("refused");
  replace(await aliceWith("new"));
  expect((await checker.check("alice", "new", "192.0.2.1")).kind).toBe("matches");
  for (let i = 0; i < 10; i++) await checker.check("alice", `wrong ${i}`, "192.0.2.1");
  expect((await checker.check("alice", "old", "192.0.2.1")).kind).toBe("limited");
  expect((await checker.check("alice", "new", "192.0.2.1")).kind).toBe("matches");
});

test("a right password is accepted where it was used before, while others there guess", async () => {
  const user = await aliceWith("right");
  const { checker, replace } = await checkerOf(user);
  await checker.check("alice", "right", "192.0.2.1");
  for (let i = 0; i < 12; i++) await checker.check("alice", `wrong ${i}`, "192.0.2.1");
  const compared = checker.comparisons;
  expect((await checker.check("alice", "right", "192.0.2.1")).kind).toBe("matches");
  expect(checker.comparisons).toBe(compared);
  replace({ ...user, isDisabled: true });
  expect((await checker.check("alice", "right", "192.0.2.1")).kind).toBe("limited");
  replace(user);
  // So that the memory is no faster way to guess.
  for (let i = 0; i < 60; i++) await checker.check("alice", `more ${i}`, "192.0.2.1");
  expect((await checker.check("alice", "right", "192.0.2.1")).kind).toBe("limited");
});
