import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { missingBlobs } from "../../../../src/backends/oci-http/store/missing-blobs.ts";
import { checkOciStore } from "../../../../src/backends/oci-http/upkeep/store-check.ts";
import { blobPath } from "../../../support/blob-path.ts";
import { type Descriptor, TestStore } from "../../../support/oci-store.ts";

function check(store: TestStore, options: { setsAside?: boolean; step?: () => Promise<boolean> } = {}) {
  return checkOciStore(store.oci, { setsAside: false, step: async () => true, ...options });
}

const headOf = ({ oci: { store } }: TestStore) => ({
  at: store.at.bind(store),
  head: store.head().commitId,
});

const damage = (store: TestStore, { digest, size }: Descriptor) =>
  writeFileSync(blobPath(store.dir, digest), "x".repeat(size));

describe("a check of a store", () => {
  test("finds nothing in a sound one, and counts its blobs", async () => {
    const store = await TestStore.open();
    await store.image("v1");
    await store.blob("without a manifest");
    expect(await check(store)).toEqual({ blobs: 3, problems: [] });
  });

  test("names a damaged blob with the tags that need it, also through an index", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("shared");
    const image = await store.image("v1", { layers: [layer] });
    await store.index("all", [image]);
    damage(store, layer);
    const { problems } = await check(store);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toStartWith(`blob ${layer.digest} is damaged; needed by `);
    expect(problems[0]).toContain("team/app:v1");
    expect(problems[0]).toContain("team/app:all");
    expect(store.has(layer)).toBe(true);
  });

  test("names five tags of a blob and counts the others", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("shared");
    await store.image(
      Array.from({ length: 8 }, (_, i) => `v${i}`),
      { layers: [layer] },
    );
    damage(store, layer);
    expect((await check(store)).problems).toEqual([
      expect.stringMatching(/; needed by (team\/app:v\d, ){4}team\/app:v\d and 3 more$/),
    ]);
  });

  test("takes no notice of what a mirror has not fetched, but of damage to what it has", async () => {
    const store = await TestStore.open();
    const [fetched, absent] = [await store.blob("fetched"), await store.blob("absent")];
    await store.image("v1", { layers: [fetched, absent] });
    rmSync(blobPath(store.dir, absent.digest));
    const ofMirror = () =>
      checkOciStore(store.oci, { setsAside: false, mayLackBlobs: true, step: async () => true });
    expect((await ofMirror()).problems).toEqual([]);
    damage(store, fetched);
    expect((await ofMirror()).problems).toEqual([`blob ${fetched.digest} is damaged; needed by team/app:v1`]);
  });

  test("says that no tag needs a damaged blob, and sets it aside only if requested", async () => {
    const store = await TestStore.open();
    const lost = await store.blob("without a manifest");
    damage(store, lost);
    const problems = [`blob ${lost.digest} is damaged; no tag needs it`];
    expect((await check(store)).problems).toEqual(problems);
    expect(store.has(lost)).toBe(true);
    expect((await check(store, { setsAside: true })).problems).toEqual(problems);
    expect(store.has(lost)).toBe(false);
    expect((await check(store)).problems).toEqual([]);
  });

  test("names a missing blob that a tag needs", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("layer");
    await store.image("v1", { layers: [layer] });
    rmSync(blobPath(store.dir, layer.digest));
    expect((await check(store)).problems).toEqual([`blob ${layer.digest} is missing; needed by team/app:v1`]);
  });

  test("names a missing blob that an index has as its entry, as a cache of BuildKit does", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("cached layer");
    await store.index("cache", [layer]);
    expect((await check(store)).problems).toEqual([]);
    rmSync(blobPath(store.dir, layer.digest));
    const problems = [`blob ${layer.digest} is missing; needed by team/app:cache`];
    expect((await check(store)).problems).toEqual(problems);
    expect([...(await missingBlobs(headOf(store), store.oci.blobs)).keys()]).toEqual([layer.digest]);
  });

  test("names an index that differs from the commits", async () => {
    const store = await TestStore.open();
    await store.image("v1");
    using db = new Database(`${store.dir}/index.sqlite`);
    db.run("DELETE FROM tags");
    expect((await check(store)).problems).toEqual([
      expect.stringMatching(/^index\.sqlite is damaged \(it differs from the commits in .*\)$/),
    ]);
  });

  test("ends early where a step says so", async () => {
    const store = await TestStore.open();
    const lost = await store.blob("without a manifest");
    await store.image("v1");
    damage(store, lost);
    let steps = 0;
    const { blobs } = await check(store, { step: async () => ++steps < 2 });
    expect([steps, blobs]).toEqual([2, 2]);
  });
});
