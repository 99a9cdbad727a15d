import { expect, test } from "bun:test";
import { consequencesOf } from "../../../../src/backends/oci-http/operations/consequences.ts";
import { parseCleanupRule } from "../../../../src/backends/oci-http/policy/cleanup-rules.ts";
import type { InstanceValues } from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { registryOver } from "../../../support/registry-services.ts";

const DAY = 86_400;

function rules(text: string) {
  const rule = parseCleanupRule(text);
  if (!rule) throw new Error(`'${text}' is no rule`);
  return { cleanup: [rule] };
}

async function registry() {
  const store = await TestStore.open();
  const services = registryOver(store);
  const change = (settings: Partial<InstanceValues>) => {
    const [config] = services.instances.list();
    if (!config) throw new Error("there is no registry");
    return consequencesOf(services, { config, settings });
  };
  return { store, services, change };
}

test("a cleanup rule tells what it would delete now, and a harmless one nothing", async () => {
  const { store, change } = await registry();
  for (let i = 0; i < 13; i++) await store.image(`v${i}`);
  const lines = await change(rules("**,newest=1"));
  expect(lines[0]).toBe("the next cleanup would delete 12 tags and 0 manifests:");
  expect([lines.length, lines.at(-1)]).toEqual([12, "  … and 2 more"]);
  expect(await change(rules("**,newest=100"))).toEqual([]);
  expect(await change({ cleanup: [] })).toEqual([]);
  expect(store.tags()).toHaveLength(13);
});

test("a shorter retention tells how much could no longer be restored, and a longer one nothing", async () => {
  const { store, services, change } = await registry();
  const image = await store.image("v1");
  await store.image("v2");
  await store.delete(image);
  store.oci.recency.clear();
  expect(await change({ retention: -60 })).toEqual([
    expect.stringMatching(/^the next gc would remove up to 2 blobs \(\d+ B\)/),
    "images that are deleted or replaced could be restored for 0s only",
  ]);
  expect(await change({ retention: DAY })).toEqual([]);
  services.set({ retention: 60 });
  expect(await change({ retention: undefined })).toEqual([]);
  expect(await change({ references: "sparse" })).toEqual([]);
});

test("a retention below a day tells so while nothing would be lost yet", async () => {
  const { services, change } = await registry();
  expect(await change({ retention: 1 })).toEqual([
    "images that are deleted or replaced could be restored for 1s only",
  ]);
  services.set({ retention: 1 });
  expect(await change({ retention: 3600 })).toEqual([]);
});

test("a quota below what is stored tells that pushes would be refused", async () => {
  const { store, change } = await registry();
  await store.image("v1");
  expect(await change({ quota: 10 })).toEqual([
    expect.stringMatching(/are used, more than 10 B: every push would be refused$/),
  ]);
  expect(await change({ quota: 1_000_000 })).toEqual([]);
});

test("a quota of repositories below what some of them use names the largest of these", async () => {
  const { store, change } = await registry();
  for (let i = 0; i < 12; i++) await store.image("v1", { repository: `team/app-${i}` as RepositoryName });
  const lines = await change({ repositoryQuota: 10 });
  expect(lines[0]).toBe(
    "12 repositories use more than 10 B; pushes of new content to them would be refused:",
  );
  expect(lines[1]).toMatch(/^ {2}team\/app-\d+: \d+ B$/);
  expect([lines.length, lines.at(-1)]).toEqual([12, "  … and 2 more"]);
  expect(await change({ repositoryQuota: 1_000_000 })).toEqual([]);
});
