import { expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { recallRepositories } from "../../../../src/backends/oci-http/store/former-repositories.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { eventually } from "../../../support/eventually.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const OTHER = "other" as RepositoryName;
const NOWHERE = "nowhere" as RepositoryName;

async function storeWithFormerRepository(): Promise<TestStore> {
  const store = await TestStore.open();
  await store.delete(await store.image("v1"));
  await store.image("v1", { repository: OTHER });
  return store;
}

const known = ({ oci: { index } }: TestStore) => [APP, OTHER, NOWHERE].map((name) => index.knows(name));

test("an index that was rebuilt learns from the history which repositories existed before", async () => {
  const before = await storeWithFormerRepository();
  expect(known(before)).toEqual([true, true, false]);
  const dataDir = temporaryDirectory();
  cpSync(before.dataDir, dataDir, { recursive: true });
  const index = `${basename(before.dir)}/index.sqlite`;
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${dataDir}/${index}${suffix}`, { force: true });
  const after = await TestStore.open(dataDir);
  expect(known(after)).toEqual([false, true, false]);
  await recallRepositories(after.oci, new AbortController().signal);
  expect(known(after)).toEqual([true, true, false]);
  expect([...after.oci.index.repositoriesAfter("")]).toEqual([OTHER]);
  expect(after.oci.history.repositories().toArray()).toEqual([OTHER, APP]);
});

test("an index that replaces a damaged one keeps the names of repositories that existed before", async () => {
  const store = await storeWithFormerRepository();
  const { indexPath } = store.oci.location;
  store.oci.damaged({ reason: "a test says so", path: indexPath });
  expect(await eventually(() => store.oci.location.indexPath !== indexPath)).toBe(true);
  expect(known(store)).toEqual([true, true, false]);
});
