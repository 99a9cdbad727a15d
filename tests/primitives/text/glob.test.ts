import { describe, expect, test } from "bun:test";
import { parseCleanupRule, ruleFor } from "../../../src/backends/oci-http/policy/cleanup-rules.ts";
import { isCovered, parseTagPattern } from "../../../src/backends/oci-http/policy/immutable-tags.ts";
import { lookUpVhost } from "../../../src/primitives/net/vhost.ts";
import { matchesGlob } from "../../../src/primitives/text/glob.ts";
import { covers, parseAccessPath, parseAccessPattern } from "../../../src/primitives/users/access-path.ts";
import { parseRepositoryName } from "../../../src/registry/model/repository-name.ts";

const WILDCARDS = { any: "*", one: "?" };

describe("a pattern with wildcards", () => {
  test.each([
    ["", "", true],
    ["", "a", false],
    ["*", "", true],
    ["a*b*c", "axxbxxc", true],
    ["a*b*c", "axxbxx", false],
    ["*ab", "aab", true],
    ["*a*", "bab", true],
    ["**", "anything", true],
    ["?", "", false],
    ["a?c", "abc", true],
    ["*?", "a", true],
    ["*?", "", false],
    ["*a?", "aaab", true],
    ["*a?", "aaba", false],
  ])("%p matches %p: %p", (pattern, subject, expected) => {
    expect(matchesGlob(pattern, subject, WILDCARDS)).toBe(expected);
  });

  test("matches exactly what an exhaustive search matches", () => {
    const every = (alphabet: string, length: number): string[] =>
      length === 0 ? [""] : every(alphabet, length - 1).flatMap((text) => [...alphabet].map((c) => text + c));
    const upTo = (alphabet: string, length: number) =>
      Array.from({ length: length + 1 }, (_, i) => every(alphabet, i)).flat();
    const slow = (pattern: string, subject: string): boolean => {
      const [first] = pattern;
      if (first === undefined) return subject === "";
      if (first === "*")
        return slow(pattern.slice(1), subject) || (subject !== "" && slow(pattern, subject.slice(1)));
      return (
        subject !== "" && (first === "?" || first === subject[0]) && slow(pattern.slice(1), subject.slice(1))
      );
    };
    for (const pattern of upTo("ab*?", 4))
      for (const subject of upTo("ab", 4))
        expect([pattern, subject, matchesGlob(pattern, subject, WILDCARDS)]).toEqual([
          pattern,
          subject,
          slow(pattern, subject),
        ]);
  });
});

/** Parses, or fails the test. */
function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the row does not parse");
  return value;
}

/** What the matcher answers, and in how many steps. */
function counted(match: (onStep: () => void) => unknown): { matched: boolean; steps: number } {
  let steps = 0;
  // A matcher that tries every way to match would go on for years.
  const matched = match(() => {
    if (++steps > 1_000_000) throw new Error("more than 1,000,000 steps");
  });
  return { matched: Boolean(matched), steps };
}

describe("the number of steps is at most the pattern's length times the name's", () => {
  const components = (count: number, one = "a") => Array(count).fill(one).join("/");

  test.each([
    ["**/ folded", `${"**/".repeat(14)}x`],
    ["**/*/ in turn", `${"**/*/".repeat(40)}x`],
    ["**/a/ in turn", `${"**/a/".repeat(40)}x`],
    ["**/a/a/ in turn", `${"**/a/a/".repeat(30)}x`],
  ])("of a grant's or token's path: %s", (_, below) => {
    const pattern = must(parseAccessPattern(`http/oci/default/${below}`));
    const path = must(parseAccessPath(`http/oci/default/${components(127)}`));
    const { matched, steps } = counted((onStep) => covers(pattern, path, onStep));
    expect(matched).toBe(false);
    expect(steps).toBeLessThanOrEqual((pattern.split("/").length + 1) * (path.split("/").length + 1));
  });

  test("of the repositories of a cleanup rule", () => {
    const rule = must(parseCleanupRule(`${"**/a/".repeat(40)}x,newest=1`));
    const repository = must(parseRepositoryName(components(127)));
    const { matched, steps } = counted((onStep) => ruleFor([rule], repository, onStep));
    expect(matched).toBe(false);
    expect(steps).toBeLessThanOrEqual((3 + 81 + 1) * (3 + 127 + 1));
  });

  test.each([
    ["a write-once pattern", "a*".repeat(63)],
    ["an exception", `${"*a".repeat(63)}`],
  ])("of tags under %s", (_, stars) => {
    const patterns = [must(parseTagPattern("*")), must(parseTagPattern(`!${stars}b`))];
    const tag = "a".repeat(128);
    const { matched, steps } = counted((onStep) => isCovered(tag, patterns, onStep));
    expect(matched).toBe(true);
    expect(steps).toBeLessThanOrEqual(2 * 129 + 128 * 129);
  });
});

test("a host name needs at most three look-ups, for any number of wildcards and labels", () => {
  let lookUps = 0;
  class CountingMap extends Map<string, string> {
    override get(key: string): string | undefined {
      lookUps++;
      return super.get(key);
    }
  }
  const table = new CountingMap(
    Array.from({ length: 1000 }, (_, i) => [`*.${"a.".repeat(i)}test`, "wildcard"] as const),
  );
  expect(lookUpVhost(table, `${"a.".repeat(120)}other`)).toBeUndefined();
  expect(lookUps).toBe(3);
});

test("'**' several times in a row is read as one", () => {
  const text = (path: string) => String(parseAccessPattern(path));
  expect(text("http/oci/default/**/**/**/app")).toBe("http/oci/default/**/app");
  expect(text("http/oci/default/**/a/**/**")).toBe("http/oci/default/**/a/**");
  expect(parseCleanupRule("**/**,newest=1")?.repositories).toBe("**");
});
