import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { collectGarbage } from "../../../../src/backends/oci-http/upkeep/garbage.ts";
import type { JobRun } from "../../../../src/primitives/jobs/job-runner.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { eventually } from "../../../support/eventually.ts";
import { APP, type Descriptor, jobRun, TestStore } from "../../../support/oci-store.ts";

const DAY = 24 * 60 * 60;
const HOUR = 60 * 60;
const FOR_EVER = Number.POSITIVE_INFINITY;

/** A collection some days later, when the time of grace is over. */
function collect({ oci }: TestStore, { retention = HOUR, days = 3, ...run }: CollectOptions = {}) {
  return collectGarbage(
    oci,
    { graceSeconds: DAY, retentionSeconds: retention === FOR_EVER ? undefined : retention },
    jobRun(run),
    Date.now() + days * DAY * 1000,
  );
}

type CollectOptions = Partial<JobRun> & { readonly retention?: number; readonly days?: number };

/** As if its file had come to say something else. */
function damage({ dir }: TestStore, file: "index" | "history", sql: string): void {
  using database = new Database(`${dir}/${file}.sqlite`);
  database.run(sql);
}

const FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

describe("a garbage collection keeps", () => {
  test("optional layers that exist, until their image is deleted", async () => {
    const store = await TestStore.open();
    const foreign = await store.blob("foreign", { mediaType: FOREIGN });
    const image = await store.image("v1", { layers: [foreign] });
    const lost = await store.blob("lost");
    expect(await collect(store)).toMatchObject({ blobs: 1, problems: [] });
    expect([store.has(foreign), store.has(lost)]).toEqual([true, false]);
    expect(await store.oci.links.has(APP, foreign.digest)).toBe(true);
    expect(await store.oci.changes.unlinkBlob(APP, foreign.digest)).toBe("in-use");
    await store.delete(image);
    expect(await collect(store, { retention: FOR_EVER })).toMatchObject({ blobs: 0 });
    expect(store.has(foreign)).toBe(true);
    expect(await collect(store)).toMatchObject({ blobs: 2 });
    expect(store.has(foreign)).toBe(false);
  });

  test("blobs that an index has as its children, as a cache of BuildKit does", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("cached layer");
    const config = await store.blob("cache config", { mediaType: "application/vnd.buildkit.cacheconfig.v0" });
    const cache = await store.index("cache", [layer, config]);
    expect(await collect(store)).toMatchObject({ blobs: 0, problems: [] });
    expect(await store.oci.changes.unlinkBlob(APP, layer.digest)).toBe("in-use");
    await store.delete(cache);
    expect(await collect(store)).toMatchObject({ blobs: 2 });
  });

  test("blobs that the history retains, that clients requested lately or that were uploaded lately", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("layer");
    await store.delete(await store.image("v1", { layers: [layer] }));
    const asked = await store.blob("asked for");
    expect(await collect(store, { days: 0 })).toMatchObject({ blobs: 0 });
    store.oci.recency.touch(asked.digest);
    expect(await collect(store, { retention: 30 * DAY })).toMatchObject({ blobs: 0 });
    expect(await collect(store)).toMatchObject({ blobs: 2 });
    expect([store.has(layer), store.has(asked)]).toEqual([false, true]);
  });

  test("blobs that a registry at a past state needs", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("layer");
    const image = await store.image("v1", { layers: [layer] });
    const then = store.oci.store.head().commitId;
    if (!then) throw new Error("there is no commit");
    await store.oci.frozenAt(then);
    await store.delete(image);
    expect(await collect(store)).toMatchObject({ blobs: 0, problems: [] });
    store.oci.dropFrozenExcept(new Set());
    expect(await collect(store)).toMatchObject({ blobs: 2 });
  });

  test("everything if the branch is missing and the objects are not", async () => {
    const store = await TestStore.open();
    await store.image("v1");
    const lost = await store.blob("lost");
    rmSync(`${store.dir}/refs/heads/main`);
    expect(await collect(store).catch(String)).toContain("the branch refs/heads/main");
    expect(store.has(lost)).toBe(true);
  });
});

describe("a damaged index during a garbage collection", () => {
  const damages: readonly [name: string, sql: string, why: string][] = [
    ["the blobs of manifests", "DELETE FROM manifest_blobs", "index.sqlite did not know that team/app@"],
    ["manifests that others name", "DELETE FROM also_named", "index.sqlite did not know that team/app@"],
  ];
  test.each(damages)("that lost %s costs no blob, and is reported", async (_name, sql, why) => {
    const store = await TestStore.open();
    const foreign = await store.blob("foreign", { mediaType: FOREIGN });
    const image = await store.image("v1", { layers: [await store.blob("layer"), foreign] });
    const lost = await store.blob("lost");
    damage(store, "index", sql);
    const report = await collect(store);
    expect(report).toMatchObject({ blobs: 0 });
    expect(report.problems[0]).toStartWith(`${why}${image.digest} names sha256:`);
    expect([store.has(foreign), store.has(lost)]).toEqual([true, true]);
    // The index is built again beside the requests, and then says what the commits do.
    expect(await eventually(async () => (await collect(store)).blobs === 1)).toBe(true);
    expect([store.has(foreign), store.has(lost)]).toEqual([true, false]);
  });

  test("of the history loses no retained blob, and is reported", async () => {
    const store = await TestStore.open();
    const layer = await store.blob("layer");
    const image = await store.image("v1", { layers: [layer] });
    await store.delete(image);
    await store.oci.history.catchUp();
    damage(store, "history", "DELETE FROM removed");
    const report = await collect(store, { retention: FOR_EVER });
    expect(report.blobs).toBe(0);
    expect(report.problems[0]).toStartWith(
      `history.sqlite did not know that team/app@${image.digest} names sha256:`,
    );
    expect(store.has(layer)).toBe(true);
    expect(await collect(store, { retention: FOR_EVER })).toMatchObject({ blobs: 0, problems: [] });
  });
});

describe("a garbage collection", () => {
  test("makes progress while manifests are pushed and deleted all the time", async () => {
    const store = await TestStore.open();
    const lost: Descriptor[] = [];
    for (let i = 0; i < 500; i++) lost.push(await store.blob(`lost ${i}`));
    let isOver = false;
    let deletes = 0;
    const work = Array.from({ length: 4 }, async (_, i) => {
      const repository = `busy/${i}` as RepositoryName;
      while (!isOver) {
        if (await store.delete(await store.image("v1", { repository }), repository)) deletes++;
      }
    });
    const report = await collect(store);
    isOver = true;
    await Promise.all(work);
    expect(deletes).toBeGreaterThan(0);
    expect(report.problems).toEqual([]);
    expect(lost.filter((blob) => store.has(blob))).toEqual([]);
  });

  test("ends at its next step when it is cancelled, also while it reads the history", async () => {
    const store = await TestStore.open();
    for (let i = 0; i < 50; i++) await store.blob(`lost ${i}`);
    const abort = new AbortController();
    abort.abort();
    const { promise: never } = Promise.withResolvers<void>();
    store.oci.history.catchUp = (signal) => (signal?.aborted ? Promise.resolve() : never);
    expect(await collect(store, { signal: abort.signal })).toMatchObject({ blobs: 0, problems: [] });
  });

  test("with isDryRun counts what it would remove and removes nothing", async () => {
    const store = await TestStore.open();
    const lost = await store.blob("lost");
    expect(await collect(store, { isDryRun: true })).toMatchObject({ blobs: 1, bytes: 4 });
    expect(store.has(lost)).toBe(true);
    expect(await store.oci.links.has(APP, lost.digest)).toBe(true);
    expect(await collect(store)).toMatchObject({ blobs: 1, bytes: 4 });
  });
});
