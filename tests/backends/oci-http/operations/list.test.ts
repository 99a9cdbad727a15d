import { describe, expect, test } from "bun:test";
import { listRepositories, listTags } from "../../../../src/backends/oci-http/operations/list.ts";
import type { InstanceName } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import { NotAllowedError, NotFoundError } from "../../../../src/backends/refusals.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { all, DEFAULT, registryOver } from "../../../support/registry-services.ts";

const HIDDEN = "hidden" as RepositoryName;
const READER = { "http/oci/default/team/**": "reader" } as const;

async function storeWithTwoRepositories() {
  const store = await TestStore.open();
  await store.image(["v1", "v2"]);
  await store.image("v1", { repository: HIDDEN });
  return { store, services: registryOver(store) };
}

describe("the list of repositories", () => {
  test("holds those that the actor may read, with the number of their tags", async () => {
    const { services } = await storeWithTwoRepositories();
    expect(await all(listRepositories(services, actorWith(READER), { instance: DEFAULT }))).toEqual([
      { repository: APP, tags: 2 },
    ]);
    expect(await all(listRepositories(services, actorWith(ADMINISTRATOR), { instance: DEFAULT }))).toEqual([
      { repository: HIDDEN, tags: 1 },
      { repository: APP, tags: 2 },
    ]);
  });

  test("continues after a name", async () => {
    const { services } = await storeWithTwoRepositories();
    const request = { instance: DEFAULT, last: HIDDEN };
    expect(await all(listRepositories(services, actorWith(ADMINISTRATOR), request))).toEqual([
      { repository: APP, tags: 2 },
    ]);
  });

  test("is refused for a registry that does not exist", async () => {
    const { services } = await storeWithTwoRepositories();
    const list = listRepositories(services, actorWith(ADMINISTRATOR), { instance: "other" as InstanceName });
    await expect(all(list)).rejects.toEqual(new NotFoundError("no registry 'other'"));
  });
});

describe("the list of tags", () => {
  test("tells digest, size, last push and author of each tag", async () => {
    const store = await TestStore.open();
    const { digest } = await store.image("v1");
    const before = Math.floor(Date.now() / 1000) - 60;
    const [tag] = await all(
      listTags(registryOver(store), actorWith(READER), { instance: DEFAULT, repository: APP }),
    );
    expect(tag).toMatchObject({ tag: "v1", digest, platforms: [], by: "alice" });
    expect(tag?.size).toBeGreaterThan(0);
    expect(tag?.pushed?.getTime()).toBeGreaterThan(before * 1000);
  });

  test("counts the blobs that an index has as its entries, as a cache of BuildKit does", async () => {
    const store = await TestStore.open();
    const [layer, config] = [await store.blob("cached layer"), await store.blob("cache config")];
    await store.index("cache", [layer, config]);
    const tags = listTags(registryOver(store), actorWith(ADMINISTRATOR), {
      instance: DEFAULT,
      repository: APP,
    });
    expect(await all(tags)).toMatchObject([{ tag: "cache", size: layer.size + config.size, platforms: [] }]);
  });

  test("lists every tag of a repository that needs several reads, and continues after a tag", async () => {
    const store = await TestStore.open();
    const names = Array.from({ length: 205 }, (_, i) => `t${String(i).padStart(3, "0")}`);
    await store.image(names);
    const services = registryOver(store);
    const list = (last?: string) =>
      all(
        listTags(services, actorWith(READER), { instance: DEFAULT, repository: APP, ...(last && { last }) }),
      );
    expect((await list()).map(({ tag }) => String(tag))).toEqual(names);
    expect((await list("t199")).map(({ tag }) => String(tag))).toEqual(names.slice(200));
  });

  test("is refused in the same words for a repository that is hidden and for one that does not exist", async () => {
    const { services } = await storeWithTwoRepositories();
    for (const repository of [HIDDEN, "nowhere" as RepositoryName]) {
      const list = listTags(services, actorWith(READER), { instance: DEFAULT, repository });
      await expect(all(list)).rejects.toEqual(
        new NotAllowedError(`no repository '${repository}' in 'default' that you may read`),
      );
    }
  });
});

test("a registry at a past state lists nothing that came later", async () => {
  const { store, services } = await storeWithTwoRepositories();
  services.set({ at: store.oci.store.head().commitId });
  await store.image("v3");
  await store.delete("v1");
  await store.image("v1", { repository: "later" as RepositoryName });
  const actor = actorWith(ADMINISTRATOR);
  const repositories = await all(listRepositories(services, actor, { instance: DEFAULT }));
  expect(repositories.map(({ repository }) => repository)).toEqual([HIDDEN, APP]);
  const tags = await all(listTags(services, actor, { instance: DEFAULT, repository: APP }));
  expect(tags).toMatchObject([
    { tag: "v1", by: "alice" },
    { tag: "v2", by: "alice" },
  ]);
});
