import { expect, test } from "bun:test";
import { retag } from "../../../../src/backends/oci-http/operations/retag.ts";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { NotAllowedError, NotFoundError } from "../../../../src/backends/refusals.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { actorWith, type Roles } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const WRITER: Roles = { "http/oci/default/team/**": "writer" };

async function registry() {
  const store = await TestStore.open();
  const { digest } = await store.image("v1");
  const old = await store.image("prod");
  const services = registryOver(store);
  const tag = (source: string, name: string, roles = WRITER) =>
    retag(services, actorWith(roles), {
      instance: DEFAULT,
      repository: APP,
      source: source as Tag,
      tag: name as Tag,
    });
  return { store, services, digest, old, tag };
}

test("a tag is pointed at the image of another one in a commit that names both", async () => {
  const { store, digest, old, tag } = await registry();
  const { commit, previous } = await tag("v1", "prod");
  expect([previous, store.oci.index.tagDigest(APP, "prod" as Tag)]).toEqual([old.digest, digest]);
  const { message } = await store.oci.store.commitAt(commit as ObjectId);
  expect(message).toStartWith(
    `tag team/app:v1 as prod\n\nRepository: team/app\nTag: prod\nPrevious: ${old.digest}\nDigest: ${digest}\n`,
  );
  expect((await tag("v1", "next")).previous).toBeUndefined();
});

test("a tag is not set by a reader, a second time, from one that does not exist, or if it is write-once", async () => {
  const { store, services, tag } = await registry();
  await expect(tag("v1", "prod", { "http/oci/default": "reader" })).rejects.toBeInstanceOf(NotAllowedError);
  await expect(tag("v9", "prod")).rejects.toBeInstanceOf(NotFoundError);
  const head = store.oci.store.head().commitId;
  expect((await tag("v1", "v1")).commit).toBeUndefined();
  expect(store.oci.store.head().commitId).toBe(head);
  const pattern = parseTagPattern("prod");
  services.set({ immutable: pattern ? [pattern] : [] });
  await expect(tag("v1", "prod")).rejects.toBeInstanceOf(NotAllowedError);
});
