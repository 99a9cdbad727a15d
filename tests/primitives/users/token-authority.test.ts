import { expect, test } from "bun:test";
import { TokenAuthority } from "../../../src/primitives/users/token-authority.ts";
import { TokenSigner } from "../../../src/primitives/users/token-signer.ts";
import { ANONYMOUS, type User, type UserName } from "../../../src/primitives/users/user.ts";
import { UserDirectory } from "../../../src/primitives/users/user-directory.ts";
import { randomBytes } from "../../support/random-bytes.ts";

const ALICE = "alice" as UserName;
const DAY = 86_400;
const KEY = randomBytes(32);
const START = 1_795_000_000;

const alice: User = {
  name: ALICE,
  displayName: "Alice",
  isDisabled: false,
  credentials: [{ kind: "password", hash: "$argon2id$one" }],
  grants: [],
};

/** Time that passes, and the clock of the day, which can be set. */
function machine() {
  const time = { passed: 1000, set: 0 };
  const wallSeconds = () => START + time.passed / 1000 + time.set;
  return {
    time,
    pass: (seconds: number) => {
      time.passed += seconds * 1000;
    },
    set: (seconds: number) => {
      time.set += seconds;
    },
    /** A run of the program, or a thread of it. */
    run(name: string, users = new UserDirectory([alice]), key = KEY) {
      const signer = new TokenSigner(key, { run: name, now: () => time.passed, wallSeconds });
      return new TokenAuthority(signer, () => users);
    },
  };
}

const holder = (
  authority: TokenAuthority,
  token: string,
  use: "access" | "refresh" = "access",
  audience = "default",
) => authority.verify(use, token, audience)?.user;

test("an access token is valid for five minutes on every thread of the process", () => {
  const { run, pass } = machine();
  const [one, two] = [run("a"), run("a")];
  const { token, seconds } = one.issueAccess(ALICE, "default", ["claim"]);
  expect(seconds).toBe(300);
  expect(two.verify("access", token, "default")).toEqual({ user: ALICE, access: ["claim"] });
  pass(299);
  expect(holder(two, token)).toBe(ALICE);
  pass(1);
  expect(holder(two, token)).toBeUndefined();
});

test("changes of the wall clock do not affect a token of this process", () => {
  for (const jump of [-DAY, DAY]) {
    const { run, pass, set } = machine();
    const authority = run("a");
    const { token } = authority.issueAccess(ALICE, "default", []);
    set(jump);
    expect(holder(authority, token)).toBe(ALICE);
    pass(299);
    expect(holder(authority, token)).toBe(ALICE);
    pass(1);
    expect(holder(authority, token)).toBeUndefined();
    // One that is issued afterwards is like any other.
    const { token: next } = authority.issueAccess(ALICE, "default", []);
    pass(299);
    expect(holder(authority, next)).toBe(ALICE);
    pass(1);
    expect(holder(authority, next)).toBeUndefined();
  }
});

test("after a restart a token is valid by the wall clock, and refused while it seems to be from the future", () => {
  const { run, pass, set } = machine();
  const { token } = run("a").issueAccess(ALICE, "default", []);
  pass(200);
  const later = run("b");
  expect(holder(later, token)).toBe(ALICE);
  set(-DAY);
  expect(holder(later, token)).toBeUndefined();
  set(DAY);
  pass(100);
  expect(holder(later, token)).toBeUndefined();
});

test("a refresh token is valid for thirty days, also after a restart with the wall clock set back", () => {
  const { run, pass, set } = machine();
  const token = run("a").issueRefresh(ALICE, "default");
  const later = run("b");
  set(-DAY);
  expect(holder(later, token, "refresh")).toBe(ALICE);
  set(DAY);
  pass(30 * DAY - 1);
  expect(holder(later, token, "refresh")).toBe(ALICE);
  pass(1);
  expect(holder(later, token, "refresh")).toBeUndefined();
});

test("an access token ends no later than the API token it was issued for", () => {
  const { run, pass } = machine();
  const authority = run("a");
  const { token, seconds } = authority.issueAccess(ALICE, "default", [], START + 1 + 60);
  expect(seconds).toBe(60);
  pass(60);
  expect(holder(authority, token)).toBeUndefined();
  expect(holder(authority, authority.issueAccess(ALICE, "default", [], START).token)).toBeUndefined();
});

test("a token is valid only for its use, audience and key, and unchanged", () => {
  const { run } = machine();
  const authority = run("a");
  const { token } = authority.issueAccess(ALICE, "default", []);
  expect(holder(authority, token, "refresh")).toBeUndefined();
  expect(holder(authority, token, "access", "other")).toBeUndefined();
  expect(holder(run("a", undefined, randomBytes(32)), token)).toBeUndefined();
  const [header = "", claims = "", signature = ""] = token.split(".");
  const forged = Buffer.from(claims, "base64url").toString().replace("alice", "admin");
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
  for (const other of [
    `${header}.${Buffer.from(forged).toString("base64url")}.${signature}`,
    `${none}.${claims}.`,
    `${header}.${claims}.`,
    `${header}.${claims}`,
    `${header}..${signature}`,
    `${token}x`,
    "",
    "x".repeat(100_000),
  ])
    expect([other.slice(0, 40), holder(authority, other)]).toEqual([other.slice(0, 40), undefined]);
});

test("a token ends when its user's credentials change, an access token also when the grants change", () => {
  const { run } = machine();
  const before = run("a");
  const access = before.issueAccess(ALICE, "default", []).token;
  const refresh = before.issueRefresh(ALICE, "default");
  const granted = new UserDirectory([
    { ...alice, grants: [{ path: "http/oci/default" as never, role: "reader" }] },
  ]);
  expect(holder(run("a", granted), access)).toBeUndefined();
  expect(holder(run("a", granted), refresh, "refresh")).toBe(ALICE);
  const changed = new UserDirectory([
    { ...alice, credentials: [{ kind: "password", hash: "$argon2id$two" }] },
  ]);
  for (const users of [changed, new UserDirectory([{ ...alice, isDisabled: true }]), new UserDirectory([])]) {
    expect(holder(run("a", users), access)).toBeUndefined();
    expect(holder(run("a", users), refresh, "refresh")).toBeUndefined();
  }
});

test("anon gets access tokens but no refresh token", () => {
  const { run } = machine();
  const authority = run("a");
  expect(holder(authority, authority.issueAccess(ANONYMOUS, "default", []).token)).toBe(ANONYMOUS);
});

test("a session lasts twelve hours after its last use in any of them, and a week at most", () => {
  const { run, pass } = machine();
  const authority = run("a");
  let { token, seconds } = authority.issueSession(ALICE, "default");
  const first = authority.verifySession(token, "default");
  expect(seconds).toBe(DAY / 2);
  pass(3599);
  const early = authority.verifySession(token, "default");
  expect(early && authority.renewSession(early, "default")).toBeUndefined();
  for (let hours = 0; hours < 6 * 24 + 13; hours++) {
    pass(3600);
    const session = authority.verifySession(token, "default");
    const renewed = session && authority.renewSession(session, "default");
    if (renewed) ({ token, seconds } = renewed);
  }
  const last = authority.verifySession(token, "default");
  expect([last?.id, last?.began]).toEqual([first?.id, first?.began]);
  expect((last?.ends ?? 0) - (first?.began ?? 0)).toBe(7 * DAY);
  pass(11 * 3600);
  expect(authority.verifySession(token, "default")).toBeUndefined();
});

test("a session that nobody uses ends after twelve hours, or with the user's password", () => {
  const { run, pass } = machine();
  const authority = run("a");
  const { token } = authority.issueSession(ALICE, "default");
  const changed = new UserDirectory([
    { ...alice, credentials: [{ kind: "password", hash: "$argon2id$two" }] },
  ]);
  for (const users of [changed, new UserDirectory([{ ...alice, isDisabled: true }]), new UserDirectory([])])
    expect(run("a", users).verifySession(token, "default")).toBeUndefined();
  pass(DAY / 2 - 1);
  expect(authority.verifySession(token, "default")?.user).toBe(ALICE);
  pass(1);
  expect(authority.verifySession(token, "default")).toBeUndefined();
});
