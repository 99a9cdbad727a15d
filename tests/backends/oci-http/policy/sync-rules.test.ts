import { describe, expect, test } from "bun:test";
import {
  formatSyncRule,
  parseSyncRule,
  type SyncRule,
  selectsTag,
  syncRuleAdvice,
} from "../../../../src/backends/oci-http/policy/sync-rules.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";

function rule(text: string): SyncRule {
  const parsed = parseSyncRule(text);
  if (!parsed) throw new Error(`'${text}' is no rule`);
  return parsed;
}

const selected = (text: string, ...tags: string[]) =>
  tags.filter((tag) => selectsTag(rule(text), tag as Tag));

describe("a rule of planned copies", () => {
  test.each([
    "library/alpine,every=1d",
    "library/alpine,3.*,!3.1,every=6h",
    "app,>=1.2 <2,^3,every=1m,platforms=linux/amd64+linux/arm64/v8,signed-only,sync-deletes",
    "app,every=2w,sync-deletes=100%",
  ])("'%s' is printed as it was read", (text) => {
    expect(formatSyncRule(rule(text))).toBe(text);
  });

  test("is made once a day, and deletes nothing, unless it says otherwise", () => {
    expect(rule("app")).toEqual({
      repository: "app" as SyncRule["repository"],
      patterns: [],
      ranges: [],
      everySeconds: 86_400,
      platforms: [],
      signedOnly: false,
      deletesPercent: undefined,
    });
    expect(rule("app,sync-deletes").deletesPercent).toBe(20);
  });

  test.each([
    "",
    "Alpine",
    "library/*",
    "app,",
    "app,every=5s",
    "app,every=soon",
    "app,platforms=",
    "app,platforms=linux",
    "app,>=x",
    "app,sync-deletes=0%",
    "app,sync-deletes=101%",
    "app,sync-deletes=5",
    "app,newest=5",
    `app${",a".repeat(51)}`,
  ])("'%s' is none", (text) => {
    expect(parseSyncRule(text)).toBeUndefined();
    expect(syncRuleAdvice(text)).toBeString();
  });

  test.each([
    ["Alpine", "'Alpine' is no name of a repository"],
    ["app,[a-z]", "'[a-z]' is no pattern of tags"],
    ["app,>=1.2 <x", "'>=1.2 <x' is no range of versions"],
    ["app,>2 <1", "no version is in the range '>2 <1'"],
    ["app,>1.2.3 <1.2.4", "no version is in the range"],
    ["app,<0", "no version is in the range"],
    ["app,every=10s", "every= must be a duration of at least 1m"],
    ["app,every=1h,every=2h", "'every' is there twice"],
    ["app,1.*,1.*", "'1.*' is there twice"],
    ["app,platforms=linux", "platforms= must be"],
    ["app,sync-deletes=150%", "sync-deletes= must be from 1% to 100%"],
    ["app,signed_only", "'signed_only' is written signed-only"],
    ["app,newest=5", "'newest=5' is no pattern"],
  ])("'%s' is refused with the reason", (text, reason) => {
    expect(syncRuleAdvice(text)).toStartWith(reason);
  });

  test("may mean a single version, or versions from one on", () => {
    expect(selected("app,=1.2.3", "1.2.3", "1.2.4")).toEqual(["1.2.3"]);
    expect(selected("app,>=1.2 <=1.2", "1.2", "1.3")).toEqual(["1.2"]);
    expect(selected("app,>3", "3.0", "4")).toEqual(["4"]);
  });
});

describe("the tags of a rule of planned copies are", () => {
  test("all but those of signatures and other attachments, if it names none", () => {
    const signature = `sha256-${"a".repeat(64)}.sig`;
    expect(selected("app", "latest", "1.2", signature)).toEqual(["latest", "1.2"]);
  });

  test("those that a pattern or a range has, without those excepted by '!'", () => {
    expect(selected("app,3.*,>=5,!*.0", "3.1", "3.0", "4", "5.1", "5.0", "latest")).toEqual(["3.1", "5.1"]);
  });

  test("all others, if it only excepts some", () => {
    expect(selected("app,!*-rc*", "1.0", "1.0-rc1")).toEqual(["1.0"]);
  });

  const versions = ["0.0.3", "0.2.0", "0.2.9", "0.3", "1", "1.2", "v1.2.3", "1.3.0", "2.0", "1.2.3-rc.1"];
  test.each([
    ["^1.2", ["1.2", "v1.2.3", "1.3.0"]],
    ["^0.2", ["0.2.0", "0.2.9"]],
    ["^0.0.3", ["0.0.3"]],
    ["^1", ["1", "1.2", "v1.2.3", "1.3.0"]],
    ["~1.2", ["1.2", "v1.2.3"]],
    ["~1", ["1", "1.2", "v1.2.3", "1.3.0"]],
    [">=1.2 <2", ["1.2", "v1.2.3", "1.3.0"]],
    [">1.2", ["v1.2.3", "1.3.0", "2.0"]],
    ["<=0.2", ["0.0.3", "0.2.0"]],
    ["=1.2.3", ["v1.2.3"]],
  ])("of the range %s the versions within it, and no tag with a suffix", (range, expected) => {
    expect(selected(`app,${range}`, ...versions)).toEqual(expected);
  });
});
