import { expect, test } from "bun:test";
import { namesUnder } from "../../../../src/backends/oci-http/access/readable-names.ts";
import { type AccessPath, type AccessPattern, covers } from "../../../../src/primitives/users/access-path.ts";
import { mergeRanges } from "../../../../src/registry/model/name-range.ts";

const INSTANCE = "http/oci/default";
const NAMES = [
  "a",
  "a-b",
  "a/b",
  "a/b/c",
  "a/c",
  "ab",
  "b",
  "b/a",
  "team",
  "team-x",
  "team.y",
  "team/a",
  "team0",
];

test.each(["", "/**", "/*", "/a", "/a/*", "/a/**", "/a/**/c", "/*/b", "/team/**", "/team/a", "/b/**/a"])(
  "all that %p covers lies where it is looked for, and nothing that can't be covered by its fixed part",
  (suffix) => {
    const pattern = `${INSTANCE}${suffix}` as AccessPattern;
    const { from, before } = namesUnder(pattern);
    const looked = NAMES.filter((name) => name >= from && (before === undefined || name < before));
    const covered = NAMES.filter((name) => covers(pattern, `${INSTANCE}/${name}` as AccessPath));
    expect(looked).toEqual(expect.arrayContaining(covered));
  },
);

test("a grant on one repository or below a prefix makes the catalog read no other repositories", () => {
  const looked = (suffix: string) => {
    const { from, before } = namesUnder(`${INSTANCE}/${suffix}` as AccessPattern);
    return NAMES.filter((name) => name >= from && (before === undefined || name < before));
  };
  expect(looked("a/b")).toEqual(["a/b"]);
  expect(looked("a/*")).toEqual(["a/b", "a/b/c", "a/c"]);
  expect(looked("b/**")).toEqual(["b", "b/a"]);
});

test("ranges of repository names that touch or overlap are merged", () => {
  const range = (from: string, before?: string) => ({ from, before });
  expect(mergeRanges([])).toEqual([]);
  expect(mergeRanges([range("c", "d"), range("a", "b"), range("aa", "ac")])).toEqual([
    range("a", "b"),
    range("c", "d"),
  ]);
  expect(mergeRanges([range("a", "c"), range("b", "d")])).toEqual([range("a", "d")]);
  expect(mergeRanges([range("b", "c"), range("")])).toEqual([range("")]);
});
