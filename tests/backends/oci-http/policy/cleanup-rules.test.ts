import { expect, test } from "bun:test";
import {
  type CleanupRule,
  expiredTags,
  formatCleanupRule,
  parseCleanupRule,
  ruleFor,
} from "../../../../src/backends/oci-http/policy/cleanup-rules.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";

const parsed = (text: string): CleanupRule => {
  const rule = parseCleanupRule(text);
  if (!rule) throw new Error(`'${text}' is no rule`);
  return rule;
};

test.each(["**,newest=10", "team/**,newest=0,keep=v*,keep=!v0*,untagged=3d", "team/app,untagged=90m"])(
  "the rule %p is written as it was read",
  (text) => {
    expect(formatCleanupRule(parsed(text))).toBe(text);
  },
);

test.each([
  "",
  "**",
  "**,keep=v*",
  "a b,newest=1",
  "**,newest=x",
  "**,untagged=soon",
  "**,newest=1,other=2",
  "**,keep=",
])("%p is no rule", (text) => {
  expect(parseCleanupRule(text)).toBeUndefined();
});

test("the first of several cleanup rules that matches a repository applies", () => {
  const rules = ["team/app,newest=1", "team/*,newest=2", "**,newest=3"].map(parsed);
  const newestOf = (name: string) => ruleFor(rules, name as RepositoryName)?.newest;
  expect(["team/app", "team/other", "team/a/b", "x"].map(newestOf)).toEqual([1, 2, 3, 3]);
  expect(ruleFor(rules.slice(0, 1), "x" as RepositoryName)).toBeUndefined();
});

test("a cleanup rule keeps the newest tags, and in addition those that match its patterns", () => {
  const moves = new Map([
    ["a", [1]],
    ["b", [5]],
    ["v1", [9]],
    ["c", [4]],
  ]);
  const tags = ["a", "b", "c", "new", "v1"];
  expect(expiredTags(parsed("**,newest=2,keep=v*"), tags, moves)).toEqual(["a", "c"]);
  expect(expiredTags(parsed("**,newest=2"), tags, moves)).toEqual(["a", "c", "b"]);
  expect(expiredTags(parsed("**,newest=9"), tags, moves)).toEqual([]);
  expect(expiredTags(parsed("**,untagged=1d"), tags, moves)).toEqual([]);
});

test("tags that one commit set are ordered by their commits before, and then by their numbers", () => {
  const restored = new Map([
    ["a", [10, 9, 2]],
    ["b", [10, 9, 1]],
    ["c", [10, 9, 3]],
  ]);
  expect(expiredTags(parsed("**,newest=1"), ["a", "b", "c"], restored)).toEqual(["b", "a"]);
  const imported = ["v1.9", "v1.10", "v1.2", "v1.10-rc1"];
  const moves = new Map(imported.map((tag) => [tag, [7]]));
  expect(expiredTags(parsed("**,newest=2"), imported, moves)).toEqual(["v1.2", "v1.9"]);
});
