import { expect, test } from "bun:test";
import { readStatistics } from "../../../../src/backends/oci-http/operations/statistics.ts";
import { AdministratorOnlyError } from "../../../../src/backends/refusals.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

test("a shared layer is stored once, and what that saves is counted", async () => {
  const store = await TestStore.open();
  const layer = await store.blob("a layer that two images share");
  await store.image("v1", { layers: [layer] });
  await store.image("v2", { layers: [layer] });
  const record = await readStatistics(registryOver(store), actorWith(ADMINISTRATOR), {
    instance: DEFAULT,
    days: 7,
  });
  expect(record).toMatchObject({
    repositories: 1,
    tags: 2,
    manifests: 2,
    blobs: 3,
    savedBytes: layer.size,
    uploads: 0,
    uploadBytes: 0,
  });
  expect(record.days.reduce((sum, { commits }) => sum + commits, 0)).toBe(2);
  expect(record.days.reduce((sum, { addedBytes }) => sum + addedBytes, 0)).toBe(record.storedBytes);
});

test("only an administrator may read the statistics, not an owner of the registry", async () => {
  const services = registryOver(await TestStore.open());
  const read = readStatistics(services, actorWith({ "http/oci/default": "owner" }), {
    instance: DEFAULT,
    days: 7,
  });
  await expect(read).rejects.toBeInstanceOf(AdministratorOnlyError);
});
