import { expect, test } from "bun:test";
import { GuessMemory } from "../../../src/primitives/users/guess-memory.ts";

const DAY = 24 * 60 * 60 * 1000;
const at = (network: string, login = "alice") => ({ login, network });

function start() {
  let now = 5_000_000;
  const memory = new GuessMemory(() => now);
  const pass = (ms: number) => {
    now += ms;
  };
  return { memory, pass };
}

test("a wrong guess is remembered for its own network alone", () => {
  const { memory } = start();
  memory.noteWrong(at("192.0.2.1"), "alice:wrong");
  expect(memory.wasWrong(at("192.0.2.1"), "alice:wrong")).toBe(true);
  expect(memory.wasWrong(at("192.0.2.1"), "alice:other")).toBe(false);
  expect(memory.wasWrong(at("192.0.2.2"), "alice:wrong")).toBe(false);
});

test("a right guess is remembered for a day, for its own network alone", () => {
  const { memory, pass } = start();
  memory.noteRight(at("192.0.2.1"), "alice:right", "the hash");
  memory.noteRight(at("192.0.2.2"), "alice:right", "the hash");
  pass(DAY - 1);
  expect(memory.rightHash(at("192.0.2.1"), "alice:right")).toBe("the hash");
  expect(memory.rightHash(at("192.0.2.3"), "alice:right")).toBeUndefined();
  expect(memory.rightHash(at("192.0.2.1", "bob"), "alice:right")).toBeUndefined();
  pass(1);
  expect(memory.rightHash(at("192.0.2.1"), "alice:right")).toBeUndefined();
});

test("a new password replaces the one that was remembered", () => {
  const { memory } = start();
  memory.noteRight(at("192.0.2.1"), "alice:old", "the old hash");
  memory.noteRight(at("192.0.2.1"), "alice:new", "the new hash");
  expect(memory.rightHash(at("192.0.2.1"), "alice:old")).toBeUndefined();
  expect(memory.rightHash(at("192.0.2.1"), "alice:new")).toBe("the new hash");
});

test("the memory of right guesses answers sixty others a minute for a user at a network", () => {
  const { memory, pass } = start();
  memory.noteRight(at("192.0.2.1"), "alice:right", "the hash");
  memory.noteRight(at("192.0.2.2"), "alice:right", "the hash");
  for (let i = 0; i < 59; i++) memory.rightHash(at("192.0.2.1"), `alice:wrong ${i}`);
  expect(memory.rightHash(at("192.0.2.1"), "alice:right")).toBe("the hash");
  memory.rightHash(at("192.0.2.1"), "alice:wrong 59");
  expect(memory.rightHash(at("192.0.2.1"), "alice:right")).toBeUndefined();
  expect(memory.rightHash(at("192.0.2.2"), "alice:right")).toBe("the hash");
  pass(60_000);
  expect(memory.rightHash(at("192.0.2.1"), "alice:right")).toBe("the hash");
});

test("a user's right guess is remembered at the 32 networks used last, and other users evict none of them", () => {
  const { memory } = start();
  for (let i = 0; i < 100; i++) memory.noteRight(at(`network ${i}`, "mallory"), "mallory:right", "hash");
  for (let i = 0; i < 32; i++) memory.noteRight(at(`network ${i}`), "alice:right", "hash");
  const known = (login: string, i: number) =>
    memory.rightHash(at(`network ${i}`, login), `${login}:right`) !== undefined;
  expect([known("mallory", 67), known("mallory", 68), known("mallory", 99)]).toEqual([false, true, true]);
  expect([known("alice", 0), known("alice", 31)]).toEqual([true, true]);
});

test("the latest ten thousand wrong guesses are remembered, whatever is sent", () => {
  const { memory } = start();
  for (let i = 0; i < 100_000; i++) memory.noteWrong(at(`network ${i}`), "alice:wrong");
  const count = Array.from({ length: 100_000 }, (_, i) => memory.wasWrong(at(`network ${i}`), "alice:wrong"));
  expect(count.filter(Boolean).length).toBeLessThanOrEqual(20_000);
  expect(count.slice(90_000).every(Boolean)).toBe(true);
});
