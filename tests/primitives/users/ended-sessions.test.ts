import { expect, test } from "bun:test";
import { type EndedSessions, hasEnded, withEnded } from "../../../src/primitives/users/ended-sessions.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const NOW = 1_795_000_000;

test("a session that was ended has ended, and no other", () => {
  const [ended, other] = [
    { id: "a", began: NOW - HOUR },
    { id: "b", began: NOW - HOUR },
  ];
  const known = withEnded(undefined, ended, NOW);
  expect([hasEnded(known, ended), hasEnded(known, other), hasEnded(undefined, ended)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(withEnded(known, ended, NOW + 1)).toBe(known);
});

test("an ended session is kept until no token of it can be left, and no longer", () => {
  const ended = { id: "a", began: NOW - HOUR };
  const known = withEnded(undefined, ended, NOW);
  const after = (seconds: number) => withEnded(known, { id: "b", began: NOW }, NOW + seconds);
  expect(hasEnded(after(13 * HOUR - 1), ended)).toBe(true);
  expect(after(13 * HOUR).sessions.map(({ id }) => id)).toEqual(["b"]);
  const old = { id: "old", began: NOW - 7 * DAY + 60 };
  expect(withEnded(undefined, old, NOW).sessions[0]?.until).toBe(NOW + 60);
});

test("a user who ends more than a hundred sessions in that time loses all that have begun, so that none counts again", () => {
  let known: EndedSessions | undefined;
  const sessions = Array.from({ length: 101 }, (_, i) => ({ id: `session ${i}`, began: NOW + i }));
  for (const session of sessions) known = withEnded(known, session, session.began);
  expect(known).toEqual({ sessions: [], begunUntil: NOW + 100 });
  expect(sessions.filter((session) => !hasEnded(known, session))).toEqual([]);
  expect(hasEnded(known, { id: "later", began: NOW + 101 })).toBe(false);
  const week = { id: "next week", began: NOW + 100 + 7 * DAY };
  expect(withEnded(known, week, week.began)).not.toHaveProperty("begunUntil");
});
