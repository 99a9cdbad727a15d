import { expect, test } from "bun:test";
import { isImmutable, parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { parseTag } from "../../../../src/registry/model/tag.ts";

test.each([
  ["v1", ["v*"], true],
  ["latest", ["v*"], false],
  ["latest", ["*"], true],
  ["latest", ["*", "!latest"], false],
  ["v1-rc2", ["v*", "!*-rc*"], false],
  ["v1", ["!v1"], false],
  ["v1", [], false],
  ["v1.2.3", ["v*.*.*"], true],
  ["v1.2", ["v*.*.*"], false],
  ["ab", ["ab*b"], false],
  ["abb", ["ab*b"], true],
  ["release", ["release"], true],
  ["release-1", ["release"], false],
] as const)("the tag %p under %p is write-once: %p", (tag, patterns, expected) => {
  const parsed = patterns.flatMap((pattern) => parseTagPattern(pattern) ?? []);
  expect(parsed).toHaveLength(patterns.length);
  const name = parseTag(tag);
  expect(name && isImmutable(name, parsed)).toBe(expected);
});

test.each(["", "!", "a b", "-v", "a/b", "v".repeat(130)])("%p is no pattern of tags", (text) => {
  expect(parseTagPattern(text)).toBeUndefined();
});
