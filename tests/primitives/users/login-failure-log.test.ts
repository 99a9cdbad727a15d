import { expect, test } from "bun:test";
import { LoginFailureLog } from "../../../src/primitives/users/login-failure-log.ts";

function start() {
  let now = 9_000_000;
  const lines: string[] = [];
  const log = new LoginFailureLog({ warn: (line) => void lines.push(line) }, () => now);
  const note = (login: string, address: string, reason: "wrong" | "locked" | "busy" = "wrong") =>
    log.note({ login, address, place: "the registry 'default'", reason, retryAfterSeconds: 42 });
  return {
    lines,
    log,
    note,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("a failed login is logged with login, address, place and reason", () => {
  const { lines, note } = start();
  note("alice", "192.0.2.1");
  note("alice", "2001:db8::7", "locked");
  note("alice", "192.0.2.2", "busy");
  expect(lines).toEqual([
    `login of "alice" to the registry 'default' from 192.0.2.1 refused: wrong user name or password`,
    `login of "alice" to the registry 'default' from 2001:db8::7 refused: locked for 42 seconds`,
    `login of "alice" to the registry 'default' from 192.0.2.2 refused: too many logins wait`,
  ]);
});

test("a login in the log is quoted, on one line and cut", () => {
  const { lines, note } = start();
  note(`evil"\n2026-11-27 info all is well ${"x".repeat(10_000)}`, "192.0.2.1");
  expect(lines[0]).toStartWith('login of "evil\\"\\n2026-11-27 info');
  expect(lines[0]).not.toContain("\n");
  expect(lines[0]?.length).toBeLessThan(200);
});

test("a flood from one network is five lines a minute and a count of the rest, and other networks are still logged", () => {
  const { lines, note, pass } = start();
  for (let i = 0; i < 5000; i++) note(`user${i}`, `2001:db8::${i.toString(16)}`, i < 10 ? "wrong" : "locked");
  note("bob", "192.0.2.1");
  expect(lines.length).toBe(6);
  expect(lines[5]).toContain('"bob"');
  pass(60_000);
  note("bob", "192.0.2.1");
  expect(lines.length).toBe(8);
  expect(lines[6]).toBe(
    "4995 more logins were refused within a minute, 5 for a wrong name or password, 4990 for too many failures before; from 2001:db8:0:0::/64",
  );
});

test("a flood from many networks is sixty lines a minute and a count of the rest", () => {
  const { lines, note, log } = start();
  for (let i = 0; i < 100_000; i++) note("admin", `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  expect(lines.length).toBe(60);
  log.close();
  log.close();
  expect(lines.length).toBe(61);
  expect(lines[60]).toContain("99940 more logins were refused within a minute");
  expect(lines[60]).toContain("from 1000 or more addresses");
});
