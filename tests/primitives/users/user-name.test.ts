import { expect, test } from "bun:test";
import { parseGroupName } from "../../../src/primitives/users/group.ts";
import { parseUserName } from "../../../src/primitives/users/user.ts";
import { userNameFault } from "../../../src/primitives/users/user-name-fault.ts";
import { identityOf } from "../../../src/primitives/users/user-registry.ts";

const LOGINS = [
  ...["alice", "first.last", "build-7", "a", "0", "a_b.c-d"],
  ...["bob@example.com", "bob+ci@sub.example.com", "bob@xn--bcher-kva.example"],
  ...["robot$ci", "robot$team+ci", "org+robot", "a+b", "_json_key", "_json_key_base64", "a__b", "a--b"],
  ...["a".repeat(128), `${"a".repeat(63)}@${"b".repeat(64)}`],
];

test.each(LOGINS)("%p is a login", (text) => {
  expect(userNameFault(text)).toBeUndefined();
  expect(parseUserName(text) as string | undefined).toBe(text);
});

test.each([
  ["", "it is empty"],
  ["Alice", "upper case is not allowed; use 'alice'"],
  ["Bob@Example.COM", "upper case is not allowed; use 'bob@example.com'"],
  ["ALICE/b", "it has 'A'; a login has lower-case letters, digits and . _ - @ + $"],
  ["a".repeat(129), "it has 129 characters, of 128 allowed ones"],
  ["a/b", "it has '/';"],
  ["a:b", "it has ':';"],
  ["a*", "it has '*';"],
  ["a<b>", "it has '<';"],
  ["a,b", "it has ',';"],
  ["a b", "it has ' ';"],
  ["a'b", "it has ''';"],
  ["a\\b", "it has '\\';"],
  ["a\nb", "it has '\n';"],
  ["a\0", "it has '\0';"],
  ["bücher", "it has 'ü';"],
  ["\u{430}lice", "it has '\u{430}';"],
  ["-rf", "it begins with '-'"],
  [".git", "it begins with '.'"],
  ["@example.com", "it begins with '@'"],
  ["$HOME", "it has 'H';"],
  ["$oauthtoken", "it begins with '$'"],
  ["a.", "it ends with '.'"],
  ["a@", "it ends with '@'"],
  ["a..b", "it has two dots in a row"],
  ["a@b@c", "it has more than one @"],
  ["_", "it has no letter and no digit"],
  ["system@everlock", "commits of the server itself have addresses that end with @everlock"],
])("%p is no login, and the message says why", (text, fault) => {
  expect(userNameFault(text)).toStartWith(fault);
  expect(parseUserName(text)).toBeUndefined();
});

test("authors of commits have different addresses, each with one @", () => {
  const names = [...LOGINS, "alice%40everlock"].flatMap((text) => parseUserName(text) ?? []);
  const emails = names.map((name) => identityOf(name).email);
  expect(new Set(emails).size).toBe(names.length);
  for (const email of emails) expect(email).toMatch(/^[a-z0-9._+$%-]+@everlock$/);
  expect(emails).toContain("bob%40example.com@everlock");
  expect(emails).toContain("alice@everlock");
});

test("names of groups are slugs of up to 64 characters", () => {
  expect(parseGroupName("build.team-7_b")).toBeDefined();
  for (const text of ["", "a@b", "_a", "a+b", "a--b", "A", "a".repeat(65)])
    expect([text, parseGroupName(text)]).toEqual([text, undefined]);
});
