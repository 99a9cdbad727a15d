import { expect, test } from "bun:test";
import { parseAccessPattern } from "../../../src/primitives/users/access-path.ts";
import { parseApiTokenId } from "../../../src/primitives/users/api-token.ts";
import { encodeGroup, type Group, type GroupName, parseGroup } from "../../../src/primitives/users/group.ts";
import { parseSshKey } from "../../../src/primitives/users/ssh-key.ts";
import { encodeUser, parseUser, type User, type UserName } from "../../../src/primitives/users/user.ts";

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the sample is not right");
  return value;
}

function sshKey() {
  const field = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const blob = Buffer.concat([field(Buffer.from("ssh-ed25519")), field(Buffer.alloc(32, 7))]);
  const parsed = parseSshKey(`ssh-ed25519 ${blob.toString("base64")} alice's laptop`);
  if ("fault" in parsed) throw new Error(parsed.fault);
  return parsed;
}

const grant = (path: string) => ({ path: must(parseAccessPattern(path)), role: "writer" as const });

test("a user with all fields is read back as it was written", () => {
  const id = must(parseApiTokenId("0a1b2c3d4e"));
  const user: Required<User> = {
    name: "alice" as UserName,
    displayName: 'Alice "A." Liddell \u00e9',
    isDisabled: true,
    credentials: [
      { kind: "password", hash: "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA" },
      { kind: "ssh-key", ...sshKey() },
      { kind: "api-token", id, name: "ci", hash: "ab".repeat(32) },
      {
        kind: "api-token",
        id,
        name: "limited",
        hash: "cd".repeat(32),
        expires: 1_900_000_000,
        limit: grant("http/oci/default/team/**"),
      },
    ],
    grants: [grant("*/*/*"), grant("http/oci/default/**/app")],
    endedSessions: { sessions: [{ id: "a session", until: 1_900_000_000 }], begunUntil: 1_800_000_000 },
  };
  expect(parseUser(user.name, encodeUser(user))).toEqual(user);
  const { endedSessions: _, ...others } = user;
  const plain: User = { ...others, isDisabled: false, credentials: [], grants: [] };
  expect(parseUser(plain.name, encodeUser(plain))).toEqual(plain);
});

test("a group is read back as it was written", () => {
  const group: Required<Group> = {
    name: "developers" as GroupName,
    members: ["alice", "bob"] as unknown as readonly UserName[],
    grants: [grant("http/oci/default")],
  };
  expect(parseGroup(group.name, encodeGroup(group))).toEqual(group);
});

test.each([
  ['grants = [{ path = {}, role = "reader" }]', "grant path '' is not"],
  ['ended_sessions = [{ id = "a" }]', "an ended session has no time"],
  ['sessions_ended_until = "now"', "sessions_ended_until is not a number of seconds"],
  ['grants = [{ path = "http/oci/default", role = {} }]', "grant role '' is none of"],
  ["credentials = [{ kind = {} }]", "a credential of the kind '' is none of"],
  ['credentials = [{ kind = "ssh-key", key = {}, comment = {} }]', "an SSH key: "],
  ['credentials = [{ kind = "api-token", id = {}, name = {} }]', "an API token has no id or hash"],
])("a file of a user that says %p is refused with the reason", (text, reason) => {
  expect(() => parseUser("alice" as UserName, Buffer.from(text))).toThrow(reason);
});
