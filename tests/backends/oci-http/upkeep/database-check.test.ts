import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { checkDatabases } from "../../../../src/backends/oci-http/upkeep/database-check.ts";
import { TestStore } from "../../../support/oci-store.ts";

async function filledStore(): Promise<TestStore> {
  const store = await TestStore.open();
  await store.image("v1");
  await store.image("v2");
  await store.oci.history.catchUp();
  return store;
}

const check = ({ dir, oci }: TestStore) => checkDatabases(dir, oci.store);

function change({ dir }: TestStore, file: string, sql: string): void {
  using db = new Database(`${dir}/${file}`);
  db.run(sql);
}

test("databases that hold what the commits say are sound", async () => {
  expect(await check(await filledStore())).toEqual([]);
});

test("a history that is missing is sound, as the next start makes it", async () => {
  const store = await filledStore();
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${store.dir}/history.sqlite${suffix}`, { force: true });
  expect(await check(store)).toEqual([]);
});

test.each([
  ["DELETE FROM tags", "it differs from the commits in 'team/app'"],
  ["DROP TABLE tags", "its tables are not those that were made"],
])("an index changed by '%s' is named as damaged, and is left as it is", async (sql, reason) => {
  const store = await filledStore();
  change(store, "index.sqlite", sql);
  const damaged = await check(store);
  expect(damaged).toEqual([expect.stringMatching(/^index\.sqlite is damaged \(.*\); it is derived: /)]);
  expect(damaged[0]).toContain(reason);
  expect(await check(store)).toEqual(damaged);
});
