import { expect, test } from "bun:test";
import { BlobUsers } from "../../../../src/backends/oci-http/index/blob-users.ts";
import { readUsage } from "../../../../src/backends/oci-http/operations/usage.ts";
import { AdministratorOnlyError } from "../../../../src/backends/refusals.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const WEB = "team/web" as RepositoryName;

async function usageOf(store: TestStore, limit = 10) {
  return readUsage(registryOver(store), actorWith(ADMINISTRATOR), { instance: DEFAULT, limit });
}

test("bytes that one repository alone names are its own, and the others are shared", async () => {
  const store = await TestStore.open();
  const base = await store.blob("b".repeat(1000));
  const own = await store.blob("o".repeat(5000));
  const config = await store.blob("{}");
  const image = (repository: RepositoryName, tag: string, layers: readonly object[]) =>
    store.manifest(tag, repository, {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config,
      layers,
      annotations: { tag },
    });
  const manifests = [
    await image(APP, "v1", [base]),
    await image(APP, "v2", [base]),
    await image(APP, "v3", [base]),
  ];
  const { size } = await image(WEB, "v1", [base, own]);
  const { repositories, total, sharedWith } = await usageOf(store);
  expect([total, sharedWith]).toEqual([2, []]);
  expect(repositories).toEqual([
    {
      repository: WEB,
      ownBytes: 5000,
      sharedBytes: 1002,
      manifestBytes: size,
      tags: 1,
      manifests: 1,
      pulled: undefined,
    },
    {
      repository: APP,
      ownBytes: 0,
      sharedBytes: 1002,
      manifestBytes: manifests.reduce((sum, manifest) => sum + manifest.size, 0),
      tags: 3,
      manifests: 3,
      pulled: undefined,
    },
  ]);
  expect((await usageOf(store, 1)).repositories.map(({ repository }) => repository)).toEqual([WEB]);
});

test("a blob that more repositories name than are read at once is counted once for each", async () => {
  const store = await TestStore.open();
  const layer = await store.blob("a layer of everybody");
  const config = await store.blob("{}");
  const names = Array.from({ length: 1100 }, (_, i) => `team/app-${i}` as RepositoryName);
  const json = { mediaType: "application/vnd.oci.image.manifest.v1+json", config, layers: [layer] };
  await Promise.all(names.map((name) => store.manifest("v1", name, json)));
  const { repositories, total } = await usageOf(store);
  expect([total, repositories[0]?.sharedBytes, repositories[0]?.ownBytes]).toEqual([1100, 22, 0]);
  expect([...store.oci.index.blobUsers.blobs()].map(({ repositories: users }) => users.length)).toEqual([
    1100, 1100,
  ]);
  expect(store.oci.index.blobUsers).toBeInstanceOf(BlobUsers);
});

test("only administrators see the usage, as it counts what others may not see", async () => {
  const store = await TestStore.open();
  const usage = readUsage(registryOver(store), actorWith({ "http/oci/default": "owner" }), {
    instance: DEFAULT,
    limit: 1,
  });
  await expect(usage).rejects.toBeInstanceOf(AdministratorOnlyError);
});
