import { expect, test } from "bun:test";
import { MovedMeanwhileError } from "../../../../src/backends/oci-http/operations/change-rights.ts";
import { proposeRetag, retag } from "../../../../src/backends/oci-http/operations/retag.ts";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { NotAllowedError, NotFoundError } from "../../../../src/backends/refusals.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { parseReference, type Reference, type Tag } from "../../../../src/registry/model/tag.ts";
import { actorWith, type Roles } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

function referenceOf(text: string): Reference {
  const reference = parseReference(text);
  if (!reference) throw new Error(`'${text}' is no reference`);
  return reference;
}

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
      source: referenceOf(source),
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

test("a tag is pointed at a manifest by its digest, also one without a tag", async () => {
  const { store, digest, tag } = await registry();
  const { commit } = await tag(digest, "next");
  const { message } = await store.oci.store.commitAt(commit as ObjectId);
  expect(message).toStartWith(
    `tag team/app@${digest.slice(0, 19)} as next\n\nRepository: team/app\nTag: next\nDigest: ${digest}\n`,
  );
  await expect(tag(`sha256:${"0".repeat(64)}`, "next")).rejects.toThrow(
    `no manifest 'team/app@sha256:${"0".repeat(64)}' in 'default'`,
  );
});

test("a proposal changes nothing, tells of a write-once tag, and is not carried out after one of the tags has moved", async () => {
  const { store, services, digest, old, tag } = await registry();
  const request = { instance: DEFAULT, repository: APP, source: referenceOf("v1"), tag: "prod" as Tag };
  const actor = actorWith(WRITER);
  const head = store.oci.store.head().commitId;
  const proposal = await proposeRetag(services, actor, request);
  expect([proposal.digest, proposal.previous, proposal.obstacle]).toEqual([digest, old.digest, undefined]);
  expect(store.oci.store.head().commitId).toBe(head);
  const pattern = parseTagPattern("prod");
  services.set({ immutable: pattern ? [pattern] : [] });
  expect((await proposeRetag(services, actor, request)).obstacle?.message).toContain("is write-once");
  services.set({ immutable: [] });
  await tag(digest, "prod");
  await expect(retag(services, actor, request, proposal)).rejects.toBeInstanceOf(MovedMeanwhileError);
  await expect(
    proposeRetag(services, actorWith({ "http/oci/default": "reader" }), request),
  ).rejects.toBeInstanceOf(NotAllowedError);
});
