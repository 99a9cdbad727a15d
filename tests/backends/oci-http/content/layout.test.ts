import { expect, test } from "bun:test";
import { manifestPath, parseOciPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import type { Change } from "../../../../src/primitives/store/commits/tree-edit.ts";
import { assemblePack, encodeEntry } from "../../../../src/primitives/store/git/pack.ts";
import { parseRepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { parseTag } from "../../../../src/registry/model/tag.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the literal does not parse");
  return value;
}

const repository = must(parseRepositoryName("team/app"));

/** Files of a push of `tag`, with a manifest of its own. */
function pushOf(tag: string): Change[] {
  const content = Buffer.from(`manifest of ${tag}`);
  const digest = digestOf(content);
  return [
    { path: manifestPath(repository, digest), content },
    { path: tagPath(repository, must(parseTag(tag))), content: Buffer.from(`${digest}\n`) },
  ];
}

test("a push into a repository of 100,000 tags writes a few KiB of metadata", async () => {
  const memory = new MemoryStore();
  const store = await Store.open("test", memory);
  const meta = { author: { name: "alice", email: "alice@everlock" }, message: "push" };
  const tags = Array.from({ length: 100_000 }, (_, i) => `v1.${i}`);
  for (let at = 0; at < tags.length; at += 20_000) {
    await store.commit(tags.slice(at, at + 20_000).flatMap(pushOf), meta);
  }
  await store.commit(pushOf("last"), meta);
  const [last = []] = memory.batches.slice(-1);
  expect(assemblePack(last.map(encodeEntry)).bytes.length).toBeLessThan(16 * 1024);
}, 30_000);

test("the path of a tag or manifest is parsed back to it, and any other path is ignored", () => {
  const digest = digestOf(Buffer.from("x"), "sha512");
  const tag = must(parseTag("v1"));
  expect(parseOciPath(tagPath(repository, tag))).toEqual({ kind: "tag", repository, tag });
  expect(parseOciPath(manifestPath(repository, digest))).toEqual({ kind: "manifest", repository, digest });
  for (const foreign of [
    "README.md",
    "repositories/a/b/team/app/_tags/v1",
    `${tagPath(repository, tag)}/x`,
  ]) {
    expect(parseOciPath(foreign as ReturnType<typeof tagPath>)).toBeUndefined();
  }
});
