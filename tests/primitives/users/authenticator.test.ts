import { expect, test } from "bun:test";
import { apiTokenHash, makeApiToken } from "../../../src/primitives/users/api-token.ts";
import { Authenticator } from "../../../src/primitives/users/authenticator.ts";
import type { PasswordVerdict } from "../../../src/primitives/users/password-checker.ts";
import type { User, UserName } from "../../../src/primitives/users/user.ts";
import { UserDirectory } from "../../../src/primitives/users/user-directory.ts";

const HASH = "$argon2id$of-the-right-one";
const MINUTE = 60_000;

function start(credentials: User["credentials"] = [{ kind: "password", hash: HASH }]) {
  let now = 7_000_000;
  let isLocked = false;
  let isRepeat = false;
  const used: string[] = [];
  const checked: string[] = [];
  const check = async (login: string, password: string, address: string): Promise<PasswordVerdict> => {
    checked.push(`${login}:${password}@${address}`);
    if (isLocked) return { kind: "limited", retryAfterSeconds: 60 };
    return login === "alice" && password === "right"
      ? { kind: "matches", hash: HASH }
      : { kind: "refused", isRepeat };
  };
  const alice: User = {
    name: "alice" as UserName,
    displayName: "Alice",
    isDisabled: false,
    credentials,
    grants: [],
  };
  const directory = new UserDirectory([alice]);
  const authenticator = new Authenticator(
    () => directory,
    check,
    (id) => used.push(id),
    () => now,
  );
  /** As HTTP does it: what is remembered first. */
  const ask = async (password: string, address: string, login = "alice") => {
    const sent = `${login}:${password}`;
    if (authenticator.recall(sent, () => address)) return "recalled";
    const attempt = { login, password, address: () => address, sent, acceptsApiTokens: true };
    return (await authenticator.login(attempt)).kind;
  };
  return {
    ask,
    authenticator,
    checked,
    used,
    pass: (ms: number) => {
      now += ms;
    },
    lock: () => {
      isLocked = true;
    },
    /** From now on, wrong passwords were sent before. */
    repeat: () => {
      isRepeat = true;
    },
  };
}

test("a login is cached for five minutes of the monotonic clock", async () => {
  const { ask, checked, pass } = start();
  expect(await ask("right", "192.0.2.1")).toBe("accepted");
  pass(5 * MINUTE - 1);
  expect(await ask("right", "192.0.2.1")).toBe("recalled");
  pass(1);
  expect(await ask("right", "192.0.2.1")).toBe("accepted");
  expect(checked.length).toBe(2);
});

test("a cached login works at its network while the user is locked, and the cache does not help others to guess", async () => {
  const { ask, lock, pass } = start();
  await ask("right", "192.0.2.1");
  // Without a guess it is remembered for all.
  expect(await ask("right", "198.51.100.1")).toBe("recalled");
  lock();
  expect(await ask("wrong", "203.0.113.1")).toBe("limited");
  expect(await ask("right", "203.0.113.1")).toBe("limited");
  expect(await ask("right", "192.0.2.1")).toBe("recalled");
  expect(await ask("right", "::ffff:192.0.2.1")).toBe("recalled");
  pass(MINUTE + 1);
  expect(await ask("right", "203.0.113.1")).toBe("recalled");
});

test("at one address, cached logins can't be guessed faster than once a second", async () => {
  const { ask, lock } = start();
  await ask("right", "192.0.2.1");
  lock();
  for (let i = 0; i < 59; i++) expect(await ask(`wrong ${i}`, "192.0.2.1")).toBe("limited");
  expect(await ask("right", "192.0.2.1")).toBe("recalled");
  await ask("wrong", "192.0.2.1");
  expect(await ask("right", "192.0.2.1")).toBe("limited");
});

test("a wrong password that is repeated does not end the use of cached logins at its address", async () => {
  const { ask, repeat, lock } = start();
  await ask("right", "192.0.2.1");
  repeat();
  for (let i = 0; i < 100; i++) expect(await ask("of last year", "192.0.2.1")).toBe("refused");
  lock();
  expect(await ask("right", "192.0.2.1")).toBe("recalled");
});

test("parallel guesses are not answered from the cache once the first is compared", async () => {
  const { ask, checked } = start();
  await ask("right", "192.0.2.1");
  const guesses = Array.from({ length: 100 }, (_, i) => ask(`wrong ${i}`, "203.0.113.1"));
  // Compared as the others, as its owner would have it at a new address; but not found out by what is remembered.
  expect(await ask("right", "203.0.113.1")).toBe("accepted");
  await Promise.all(guesses);
  expect(checked.filter((guess) => guess.startsWith("alice:right")).length).toBe(2);
});

test("right passwords compared at once do not count as guesses", async () => {
  const { ask } = start();
  await Promise.all(Array.from({ length: 100 }, (_, i) => ask("right", `192.0.2.${i}`)));
  expect(await ask("right", "198.51.100.1")).toBe("recalled");
});

test("guesses at another user's password do not affect cached logins", async () => {
  const { ask } = start();
  await ask("right", "192.0.2.1");
  for (let i = 0; i < 100; i++) await ask("wrong", "203.0.113.1", "bob");
  expect(await ask("right", "198.51.100.1")).toBe("recalled");
});

test("an API token works while passwords are locked, and its constant use is reported once a minute", async () => {
  const { id, text } = makeApiToken();
  const token = { kind: "api-token", id, name: "ci", hash: apiTokenHash(text) ?? "" } as const;
  const { ask, lock, pass, used, checked } = start([token]);
  lock();
  expect(await ask(text, "192.0.2.1")).toBe("accepted");
  for (let i = 0; i < 10; i++) expect(await ask(text, "192.0.2.1")).toBe("recalled");
  expect(used.length).toBe(1);
  pass(MINUTE + 1);
  await ask(text, "192.0.2.1");
  expect([used.length, checked.length]).toEqual([2, 0]);
});

test("a client that sends one token in many spellings evicts no cached login of others", async () => {
  const { text } = makeApiToken();
  const token = {
    kind: "api-token",
    id: makeApiToken().id,
    name: "ci",
    hash: apiTokenHash(text) ?? "",
  } as const;
  const { ask, authenticator } = start([{ kind: "password", hash: HASH }, token]);
  const address = () => "192.0.2.1";
  await ask("right", address());
  for (let i = 0; i < 12_000; i++) {
    const attempt = { login: "alice", password: text, address, sent: `${i}`, acceptsApiTokens: true };
    expect((await authenticator.login(attempt)).kind).toBe("accepted");
  }
  expect(await ask("right", address())).toBe("recalled");
  expect(authenticator.recall("11999", address)).toBeDefined();
  expect(authenticator.recall("1", address)).toBeUndefined();
});
