import { expect, test } from "bun:test";
import { ConsoleSessionCounts } from "../../../src/frontends/ssh/console-session-counts.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";

const [alice, bob, carol] = ["alice", "bob", "carol"] as [UserName, UserName, UserName];

test("sessions are limited for each user and in total, and closed ones no longer count", () => {
  const counts = new ConsoleSessionCounts({ sessionsPerUser: 2, sessions: 3 });
  expect([counts.open(alice), counts.open(alice), counts.open(bob)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(counts.open(alice)).toBe("'alice' has 2 open, the maximum for one user");
  expect(counts.open(carol)).toBe("all users have 3 open, the maximum in total");
  counts.close(alice);
  expect(counts.open(carol)).toBeUndefined();
});
