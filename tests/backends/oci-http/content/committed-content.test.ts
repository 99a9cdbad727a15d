import { expect, test } from "bun:test";
import { MissChecks, SnapshotContent } from "../../../../src/backends/oci-http/content/committed-content.ts";
import { manifestPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";

const repository = "app" as RepositoryName;
const mediaType = "application/vnd.oci.image.index.v1+json";
const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] }));
const digest = digestOf(content);
const wrong = digestOf(Buffer.from("something else"));

test("the commits resolve a tag and a digest, and reject content with another digest", async () => {
  const store = await Store.open("test", new MemoryStore());
  const committed = new SnapshotContent(() => store.head());
  const byTag = (tag: string) => committed.manifest(repository, { kind: "tag", tag: tag as Tag });
  expect(await byTag("v1")).toBeUndefined();
  await store.commit(
    [
      { path: manifestPath(repository, digest), content },
      // As stock git may commit it.
      { path: manifestPath(repository, wrong), content },
      { path: tagPath(repository, "v1" as Tag), content: Buffer.from(`${digest}\n`) },
      { path: tagPath(repository, "wrong" as Tag), content: Buffer.from(`${wrong}\n`) },
    ],
    { author: { name: "alice", email: "alice@everlock" }, message: "push" },
  );
  const manifest = { digest, mediaType, content: new Uint8Array(content) };
  expect(await byTag("v1")).toEqual(manifest);
  expect(await committed.manifest(repository, { kind: "digest", digest })).toEqual(manifest);
  expect(await byTag("wrong")).toBeUndefined();
  expect(await committed.manifest(repository, { kind: "digest", digest: wrong })).toBeUndefined();
  expect(await committed.manifest("other" as RepositoryName, { kind: "digest", digest })).toBeUndefined();
});

test("a flood of misses has few looked up in the commits", () => {
  let now = 0;
  const checks = new MissChecks(() => now);
  const flood = () =>
    Array.from({ length: 10_000 }, () => checks.admit()).filter((isAdmitted) => isAdmitted).length;
  expect([flood(), flood()]).toEqual([20, 0]);
  now = 999;
  expect(flood()).toBe(0);
  now = 1000;
  expect(flood()).toBe(20);
});
