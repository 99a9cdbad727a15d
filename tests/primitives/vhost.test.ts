import { expect, test } from "bun:test";
import { lookUpVhost, parseVhostPattern } from "../../src/primitives/vhost.ts";

test.each([
  ["Example.ORG", "example.org"],
  ["*.Example.org", "*.example.org"],
  ["*.localhost", "*.localhost"],
  ["[::1]", "[::1]"],
  ["*", undefined],
  ["*.", undefined],
  ["a.*.org", undefined],
  ["*.*.org", undefined],
  ["**.org", undefined],
  ["host:80", undefined],
])("%p is the host %p", (text, expected) => {
  expect(parseVhostPattern(text)).toBe(expected as string);
});

test("a wildcard stands for one label, and gives way to a name of its own", () => {
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
