import type { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { Summaries } from "../../../../src/backends/oci-http/summaries/summaries.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const OTHER = "team/other" as RepositoryName;
const WAIT_MS = 30_000;

/** What the tables say, without the ids that their rows happen to have. */
function contentOf(db: Database): unknown {
  const rows = (sql: string) => db.query(sql).values();
  return {
    repositories: rows(`SELECT name, manifests, tags, size, pushed, user FROM repositories
      WHERE manifests > 0 OR tags > 0 ORDER BY name`),
    tags: rows(`SELECT name, tag, hex(digest), version, t.size, t.pushed FROM tags t
      JOIN repositories r ON r.id = repository ORDER BY name, tag`),
    manifests: rows(`SELECT name, hex(digest), bytes, m.size FROM manifests m
      JOIN repositories r ON r.id = repository ORDER BY name, digest`),
    blobs: rows(`SELECT name, hex(digest), b.size, uses FROM blobs b
      JOIN repositories r ON r.id = repository ORDER BY name, digest`),
    children: rows(`SELECT name, hex(child), hex(parent) FROM children
      JOIN repositories r ON r.id = repository ORDER BY name, child, parent`),
  };
}

async function measured(summaries: Summaries): Promise<Database> {
  const db = await summaries.newest(WAIT_MS);
  if (!db) throw new Error("the summaries were not filled");
  return db;
}

/** The content of summaries that are filled now from the index. */
async function freshContent(store: TestStore): Promise<unknown> {
  const fresh = new Summaries(`${temporaryDirectory()}/summaries.sqlite`, store.oci, (error) => {
    throw error;
  });
  afterThisTest(() => fresh.close());
  return contentOf(await measured(fresh));
}

test("no file is made before somebody asks", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  expect(existsSync(`${store.dir}/summaries.sqlite`)).toBe(false);
  await store.oci.summaries.newest(WAIT_MS);
  expect(existsSync(`${store.dir}/summaries.sqlite`)).toBe(true);
});

test("summaries that follow each commit are those of a fresh start", async () => {
  const store = await TestStore.open();
  const shared = await store.blob("a shared layer");
  const first = await store.image(["v1", "latest"], { layers: [shared] });
  const db = await measured(store.oci.summaries);
  const steps = [
    () => store.image("v2", { layers: [shared, shared] }),
    () => store.image("v1"),
    () => store.image("x", { repository: OTHER }),
    () => store.index("multi", [first, { ...first, digest: first.digest }]),
    () => store.image([]),
    () => store.delete("v2"),
    () => store.delete(first),
    () => store.delete("x", OTHER),
    () => store.image("later", { layers: [shared] }),
  ];
  for (const step of steps) {
    await step();
    await measured(store.oci.summaries);
    expect(contentOf(db)).toEqual(await freshContent(store));
  }
});

test("a repository counts each blob once, and its manifests", async () => {
  const store = await TestStore.open();
  const layer = await store.blob("a layer that two images share");
  const one = await store.image("v1", { layers: [layer] });
  const two = await store.image("v2", { layers: [layer] });
  const configs = "config of ".length + 36;
  const db = await measured(store.oci.summaries);
  const sizes = () => db.query("SELECT size, tags FROM repositories WHERE name = ?").values(APP);
  expect(sizes()).toEqual([[layer.size + 2 * configs + one.size + two.size, 2]]);
  await store.delete(two);
  await measured(store.oci.summaries);
  expect(sizes()).toEqual([[layer.size + configs + one.size, 1]]);
});

test("an index is as large as the images that it lists, and is measured again when one of them is deleted", async () => {
  const store = await TestStore.open();
  const layers = [await store.blob("for amd64"), await store.blob("for arm64, larger")];
  const [a, b] = [
    await store.image([], { layers: layers.slice(0, 1) }),
    await store.image([], { layers: layers.slice(1) }),
  ];
  await store.index("multi", [a, b]);
  const db = await measured(store.oci.summaries);
  const size = () => db.query("SELECT size FROM tags WHERE tag = 'multi'").values()[0]?.[0];
  const before = Number(size());
  await store.delete(b);
  await measured(store.oci.summaries);
  expect(before - Number(size())).toBe((layers[1]?.size ?? 0) + "config of ".length + 36);
});

test("a repository says when something was last pushed to it, and by whom", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const db = await measured(store.oci.summaries);
  const [[pushed, user] = []] = db.query("SELECT pushed, user FROM repositories").values();
  expect(Number(pushed)).toBeGreaterThan(Date.now() / 1000 - 60);
  expect(user).toBe("alice");
});

test("a damaged file is filled again", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  writeFileSync(`${store.dir}/summaries.sqlite`, Buffer.alloc(8192, "x"));
  expect(contentOf(await measured(store.oci.summaries))).toEqual(await freshContent(store));
});

test("what is pushed and deleted while the summaries are filled is in them", async () => {
  const store = await TestStore.open();
  for (let i = 0; i < 30; i++) await store.image(`v${i}`, { repository: `r${i % 5}` as RepositoryName });
  const filling = store.oci.summaries.newest(0);
  await store.image("new", { repository: "r4" as RepositoryName });
  await store.delete("v1", "r1" as RepositoryName);
  await filling;
  await store.image("newest", { repository: "r0" as RepositoryName });
  expect(contentOf(await measured(store.oci.summaries))).toEqual(await freshContent(store));
});

test("a store can be closed while its summaries are filled", async () => {
  const store = await TestStore.open();
  for (let i = 0; i < 20; i++) await store.image(`v${i}`);
  await store.oci.summaries.newest(0);
  await store.oci.summaries.close();
  expect(await store.oci.summaries.newest(0)).toBeUndefined();
});
