import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import {
  planRestore,
  planRestoreAll,
  type RestoreTerms,
  restore,
} from "../../../../src/backends/oci-http/operations/restore-plan.ts";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { blobPath } from "../../../support/blob-path.ts";
import { ALICE, APP, TestStore } from "../../../support/oci-store.ts";

const TERMS: RestoreTerms = { immutable: [], isSparse: false };
const OTHER = "other" as RepositoryName;

function headOf({ oci }: TestStore): ObjectId {
  const { commitId } = oci.store.head();
  if (!commitId) throw new Error("there is no commit");
  return commitId;
}

async function bringBack(
  store: TestStore,
  from: ObjectId,
  tag?: string,
  terms: () => RestoreTerms = () => TERMS,
) {
  const plan = await planRestore(store.oci, APP, tag as Tag | undefined, from);
  return restore(store.oci, plan, ALICE, terms);
}

describe("a restore", () => {
  test("brings a tag back with its manifests, those it signs it with by their subject, and leaves the others", async () => {
    const store = await TestStore.open();
    const child = await store.image([]);
    const index = await store.index("v1", [child]);
    const signature = await store.image([], { subject: child });
    const attestation = await store.image([], { subject: signature });
    const unrelated = await store.image([]);
    const then = headOf(store);
    for (const manifest of [attestation, signature, index, child, unrelated]) await store.delete(manifest);
    await store.image("v2");
    expect(await bringBack(store, then, "v1")).toMatchObject({ kind: "done" });
    expect(store.tags()).toEqual(["v1", "v2"]);
    for (const { digest } of [index, child, signature, attestation])
      expect(store.oci.index.hasManifest(APP, digest)).toBe(true);
    expect(store.oci.index.hasManifest(APP, unrelated.digest)).toBe(false);
  });

  test("of a whole repository deletes what came later, and says so before", async () => {
    const store = await TestStore.open();
    const old = await store.image("v1");
    const then = headOf(store);
    await store.image("v1");
    await store.image("v2");
    const plan = await planRestore(store.oci, APP, undefined, then);
    await restore(store.oci, plan, ALICE, () => TERMS);
    expect(store.tags()).toEqual(["v1"]);
    expect(store.oci.index.tagDigest(APP, "v1" as Tag)).toBe(old.digest);
  });

  test("of everything is one commit", async () => {
    const store = await TestStore.open();
    await store.image("v1");
    await store.image("v1", { repository: OTHER });
    const then = headOf(store);
    await store.delete("v1");
    await store.delete("v1", OTHER);
    const before = headOf(store);
    await restore(store.oci, await planRestoreAll(store.oci, then), ALICE, () => TERMS);
    expect([store.tags(), store.tags(OTHER)]).toEqual([["v1"], ["v1"]]);
    expect((await store.oci.store.commitAt(headOf(store))).parents).toEqual([before]);
  });

  test("brings back what refers to content that is no manifest, as a cache of BuildKit does", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("layer");
    const cache = await store.index("cache", [layer]);
    const then = headOf(store);
    await store.delete(cache);
    expect(await bringBack(store, then)).toMatchObject({ kind: "done" });
    expect(store.tags()).toEqual(["cache"]);
    await store.delete(cache);
    rmSync(blobPath(store.dir, layer.digest));
    expect(await bringBack(store, then)).toMatchObject({ kind: "missing", digests: [layer.digest] });
  });
});

describe("a restore is refused, and changes nothing,", () => {
  test("when a tag has moved since it was planned", async () => {
    const store = await TestStore.open();
    await store.image("v1");
    const then = headOf(store);
    await store.delete("v1");
    const plan = await planRestore(store.oci, APP, undefined, then);
    const newer = await store.image("v1");
    expect(await restore(store.oci, plan, ALICE, () => TERMS)).toMatchObject({ kind: "moved" });
    expect(store.oci.index.tagDigest(APP, "v1" as Tag)).toBe(newer.digest);
  });

  test("when a tag has become write-once since it was planned", async () => {
    const store = await TestStore.open();
    await store.image("v1");
    const then = headOf(store);
    const newer = await store.image("v1");
    const pattern = parseTagPattern("v*") ?? raise();
    const refusal = await bringBack(store, then, "v1", () => ({ ...TERMS, immutable: [pattern] }));
    expect(refusal).toMatchObject({ kind: "immutable", move: { tag: "v1", before: newer.digest } });
    expect(store.oci.index.tagDigest(APP, "v1" as Tag)).toBe(newer.digest);
    // A tag that is not there may be set.
    await store.delete("v1");
    expect(await bringBack(store, then, "v1", () => ({ ...TERMS, immutable: [pattern] }))).toMatchObject({
      kind: "done",
    });
  });

  test("when the actor has lost the right by the time of the commit", async () => {
    const store = await TestStore.open();
    await store.image("v1");
    const then = headOf(store);
    await store.delete("v1");
    let asked = 0;
    const terms = () => {
      if (++asked > 1) throw new Error("the grant was revoked");
      return TERMS;
    };
    expect(await bringBack(store, then, "v1", terms).catch(String)).toContain("the grant was revoked");
    expect(store.tags()).toEqual([]);
  });

  test("when bytes are gone, but for a registry that may lack them", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("layer");
    await store.image("v1", { layers: [layer] });
    const then = headOf(store);
    await store.delete("v1");
    rmSync(blobPath(store.dir, layer.digest));
    expect(await bringBack(store, then)).toEqual({ kind: "missing", digests: [layer.digest] });
    expect(store.tags()).toEqual([]);
    expect(await bringBack(store, then, "v1", () => ({ ...TERMS, isSparse: true }))).toMatchObject({
      kind: "done",
    });
    expect(store.tags()).toEqual(["v1"]);
  });
});

function raise(): never {
  throw new Error("it is not there");
}

test("a plan of thousands of tags leaves the thread to others meanwhile", async () => {
  const { oci } = await TestStore.open();
  const content = Buffer.from(`${digestOf(Buffer.from("x"))}\n`);
  const changes = Array.from({ length: 4000 }, (_, i) => ({ path: tagPath(APP, `v${i}` as Tag), content }));
  await oci.store.commit(changes, { author: ALICE.identity, message: "fill" });
  await planRestore(oci, APP, undefined, undefined);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const { moves } = await planRestore(oci, APP, undefined, undefined);
  isOver = true;
  expect(moves).toHaveLength(4000);
  expect(turns).toBeGreaterThan(3);
});
