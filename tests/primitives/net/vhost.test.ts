import { expect, test } from "bun:test";
import { lookUpVhost, parseVhostPattern, vhostOf } from "../../../src/primitives/net/vhost.ts";

test.each([
  ["Example.ORG", "example.org"],
  ["*.Example.org", "*.example.org"],
  ["*.localhost", "*.localhost"],
  ["[::1]", "[::1]"],
  ["*", "*"],
  ["*.", undefined],
  ["a.*.org", undefined],
  ["*.*.org", undefined],
  ["**.org", undefined],
  ["host:80", undefined],
])("%p is the host %p", (text, expected) => {
  expect(parseVhostPattern(text)).toBe(expected as string);
});

test("the host '*' matches what no exact name and no wildcard of a virtual host matches", () => {
  const table = new Map([
    ["*", "rest"],
    ["*.example.org", "any"],
    ["team.example.org", "team"],
  ]);
  const hosts = ["team.example.org", "x.example.org", "a.x.example.org", "localhost", "[::1]", "10.0.0.1"];
  expect(hosts.map((host) => lookUpVhost(table, host))).toEqual(["team", "any", ...Array(4).fill("rest")]);
});

test("a wildcard of a virtual host matches one label, and an exact name takes precedence", () => {
  const table = new Map([
    ["*.example.org", "any"],
    ["team.example.org", "team"],
  ]);
  const hosts = ["team.example.org", "x.example.org", "a.x.example.org", "example.org", "localhost"];
  expect(hosts.map((host) => lookUpVhost(table, host))).toEqual([
    "team",
    "any",
    undefined,
    undefined,
    undefined,
  ]);
});

test("a Host header longer than any name is refused and not cached", () => {
  const name = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
  expect(name).toHaveLength(253);
  expect(vhostOf(`${name}.:65535`)).toBe(name);
  expect(vhostOf(`${name}:${"1".repeat(16_000)}`)).toBeUndefined();
  expect(vhostOf(`a${":1".repeat(8000)}`)).toBeUndefined();
});
