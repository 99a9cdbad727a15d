import { expect, test } from "bun:test";
import { committedManifests } from "../../../../src/backends/oci-http/content/committed-manifests.ts";
import { manifestPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { CorruptObjectError } from "../../../../src/primitives/store/git/object.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";

const meta = { author: { name: "alice", email: "alice@everlock" }, message: "push" };
const content = Buffer.from("{}");
const digest = digestOf(content);
const repositories = ["alpine", "team/app"] as RepositoryName[];

async function openStore() {
  const memory = new MemoryStore();
  const store = await Store.open("test", memory);
  const { commitId } = await store.commit(
    [
      ...repositories.map((repository) => ({ path: manifestPath(repository, digest), content })),
      { path: tagPath("alpine" as RepositoryName, "v1" as Tag), content: Buffer.from(`${digest}\n`) },
      { path: storePath("README"), content: Buffer.from("an operator's own") },
    ],
    meta,
  );
  return { memory, store, commitId: commitId as ObjectId };
}

test("the manifests of a commit are listed for each of their repositories", async () => {
  const { store, commitId } = await openStore();
  const told = await Array.fromAsync(committedManifests(store, commitId));
  expect(told.map((manifest) => String(manifest.repository)).sort()).toEqual(["alpine", "team/app"]);
  for (const manifest of told) {
    expect(manifest.digest).toBe(digest);
    expect(Buffer.from(manifest.content)).toEqual(content);
  }
});

test("a manifest that can't be read is an error and is not left out of the list", async () => {
  const { memory, store, commitId } = await openStore();
  for (const [id, object] of memory.known) {
    if (object.type === "blob" && Buffer.from(object.body).equals(content)) memory.known.delete(id);
  }
  await expect(Array.fromAsync(committedManifests(store, commitId))).rejects.toBeInstanceOf(
    CorruptObjectError,
  );
});
