import { expect, test } from "bun:test";
import { ConsoleSessionCounts } from "../../../src/frontends/ssh/console-session-counts.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";

const [alice, bob, carol] = ["alice", "bob", "carol"] as [UserName, UserName, UserName];

test("a user and all users have so many sessions, and get those back that were closed", () => {
  const counts = new ConsoleSessionCounts({ sessionsPerUser: 2, sessions: 3 });
  expect([counts.open(alice), counts.open(alice), counts.open(bob)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(counts.open(alice)).toBe("'alice' has 2 open; no user has more");
  expect(counts.open(carol)).toBe("all users have 3 open; there are no more");
  counts.close(alice);
  expect(counts.open(carol)).toBeUndefined();
});
