import { expect, test } from "bun:test";
import {
  matchesTag,
  parseSelection,
  selectsRepository,
  tagMatcher,
} from "../../../../src/backends/oci-http/operations/selection.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;

test.each([
  ["app", "repository", "app"],
  ["team/app:v1", "tags", "team/app"],
  ["team/app:v1,v2,pr-*", "tags", "team/app"],
  ["alice/**:pr-*", "tags", undefined],
  ["*", "repository", undefined],
  [`team/app@${DIGEST}`, "manifest", "team/app"],
])("'%s' selects by %s", (text, kind, repository) => {
  const selection = parseSelection(text);
  expect([selection?.part.kind, selection?.repository as string | undefined]).toEqual([kind, repository]);
});

test.each([
  "",
  ":v1",
  "App",
  "app:",
  "app:-x",
  "app:a:b",
  "app:a,",
  "app:a,,b",
  "app:a, b",
  `app:${Array.from({ length: 1001 }, (_, n) => `v${n}`).join(",")}`,
  "app@sha256:abc",
  `team/*@${DIGEST}`,
  "te*m/app",
  "!app",
])("'%s' selects nothing: it is refused", (text) => {
  expect(parseSelection(text)).toBeUndefined();
});

test("a pattern of repositories matches by components, and one of tags by text", () => {
  const names = ["alice", "alice/app", "alice/a/b", "bob/app"] as RepositoryName[];
  const selected = (text: string) => {
    const selection = parseSelection(text);
    return selection && names.filter((name) => selectsRepository(selection, name));
  };
  expect(selected("alice/*")).toEqual(["alice/app"] as RepositoryName[]);
  expect(selected("alice/**")).toEqual(["alice", "alice/app", "alice/a/b"] as RepositoryName[]);
  expect(selected("*/app")).toEqual(["alice/app", "bob/app"] as RepositoryName[]);
  expect(["pr-1", "pr-", "xpr-1"].filter((tag) => matchesTag("pr-*", tag as Tag))).toEqual(["pr-1", "pr-"]);
});

test("several tags are names and patterns, each of which selects", () => {
  const matches = tagMatcher(["v1", "pr-*"]);
  expect(["v1", "v10", "pr-1", "x"].filter((tag) => matches(tag as Tag))).toEqual(["v1", "pr-1"]);
});
