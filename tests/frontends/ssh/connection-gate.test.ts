import { expect, test } from "bun:test";
import { ConnectionGate, GATE_LIMITS, type Place } from "../../../src/frontends/ssh/connection-gate.ts";

const LIMITS = {
  waiting: 6,
  waitingPerNetwork: 3,
  loggedIn: 4,
  loggedInPerUser: 2,
  reservedForAdministrators: 1,
};

function gate(limits = LIMITS) {
  const closed: string[] = [];
  const reports: string[] = [];
  const made = new ConnectionGate((message) => reports.push(message), limits);
  const enter = (address: string, name = address) => made.enter(address, () => closed.push(name));
  return { enter, closed, reports };
}

test("at its limit, a network's newest connection replaces its oldest", () => {
  const { enter, closed, reports } = gate();
  for (const name of ["a", "b", "c", "d"]) enter("10.0.0.1", name);
  enter("10.0.0.2", "other");
  expect(closed).toEqual(["a"]);
  expect(reports).toHaveLength(1);
  expect(reports[0]).toContain("from 10.0.0.1");
});

test("connections without a key exchange are replaced first", () => {
  const { enter, closed } = gate();
  enter("10.0.0.1", "a").handshakeDone();
  for (const name of ["b", "c", "d", "e"]) enter("10.0.0.1", name);
  expect(closed).toEqual(["b", "c"]);
});

test("at the total limit, a connection of the network with the most is replaced", () => {
  const { enter, closed } = gate();
  enter("10.0.0.9", "alone");
  for (const name of ["a", "b", "c"]) enter("10.0.0.1", name);
  for (const name of ["x", "y"]) enter("10.0.0.2", name);
  enter("10.0.0.3", "new");
  expect(closed).toEqual(["a"]);
});

test("a whole /64 counts as one client", () => {
  const { enter, closed } = gate();
  for (const last of ["1", "2", "ffff:1", "3"]) enter(`2001:db8:0:7::${last}`, last);
  enter("2001:db8:0:8::1", "other");
  expect(closed).toEqual(["1"]);
});

test("connections after login are limited for each user and in total, with a reserve for administrators", () => {
  const { enter, closed } = gate();
  const logIn = (user: string, isAdministrator = false) => enter("10.0.0.1").logIn(user, isAdministrator);
  expect([logIn("alice"), logIn("alice")]).toEqual([undefined, undefined]);
  expect(logIn("alice")).toBe("'alice' has 2 open connections, the maximum for one user");
  expect(logIn("bob")).toBeUndefined();
  expect(logIn("carol")).toBe("all users have 3 open connections, the maximum in total");
  expect(logIn("admin", true)).toBeUndefined();
  expect(closed).toEqual([]);
});

test("a closed connection does not count and can't log in", () => {
  const { enter, closed } = gate();
  for (let round = 0; round < 100; round++) {
    const place: Place = enter("10.0.0.1");
    if (round % 2) expect(place.logIn("alice", false)).toBeUndefined();
    place.leave();
    place.leave();
    expect(place.logIn("alice", false)).toBe("the connection is closed");
  }
  expect(closed).toEqual([]);
});

test("a flood of a hundred thousand connections stays within the limit", () => {
  let open = 0;
  const made = new ConnectionGate(() => undefined);
  for (let i = 0; i < 100_000; i++) {
    made.enter(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, () => open--);
    open++;
  }
  expect(open).toBe(GATE_LIMITS.waiting);
});
