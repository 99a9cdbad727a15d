import { expect, spyOn, test } from "bun:test";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import {
  type RepositorySearch,
  searchRepositories,
} from "../../../../src/backends/oci-http/operations/search-repositories.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { ADMINISTRATOR, actorWith, usersWithAnonymous } from "../../../support/actors.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const IMAGE = { mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] };
const COUNT = 220;
const nameOf = (i: number) => `r${String(i).padStart(3, "0")}` as RepositoryName;

test("the repositories of the past are sorted in few queries, by the last push even if another commit came later", async () => {
  const store = await TestStore.open();
  const names = Array.from({ length: COUNT }, (_, i) => nameOf(i));
  for (const name of names) await store.manifest(["v1", "v2"], name, IMAGE);
  await store.delete("v1", nameOf(7));
  for (const tag of ["v1", "v2"]) await store.delete(tag, nameOf(COUNT - 1));
  const manifest = await store.manifest([], nameOf(COUNT - 2), IMAGE);
  await store.delete(manifest, nameOf(COUNT - 2));
  const at = parseMoment(store.oci.store.head().commitId ?? "");
  for (const i of [0, COUNT - 2]) await store.manifest("later", nameOf(i), IMAGE);
  await store.manifest("later", "new" as RepositoryName, IMAGE);
  await store.oci.history.catchUp();
  const services = { ...registryOver(store), users: usersWithAnonymous({}) };
  const [first, rows] = [spyOn(store.oci.history, "first"), spyOn(store.oci.history, "rows")];
  const page = (options: Partial<RepositorySearch>) =>
    searchRepositories(services, actorWith(ADMINISTRATOR), {
      instance: DEFAULT,
      sort: "pushed",
      descending: true,
      limit: 5,
      at,
      ...options,
    });
  const queriesOf = async (options: Partial<RepositorySearch>) => {
    first.mockClear();
    rows.mockClear();
    const { entries } = await page(options);
    return [entries.map(({ repository }) => repository), first.mock.calls.length + rows.mock.calls.length];
  };
  // The last repository but one lost its manifest; the last one kept it, without tags.
  const kept = names.filter((name) => name !== nameOf(COUNT - 2));
  for (const sort of ["name", "pushed", "tags"] as const) {
    const [found, queries] = await queriesOf({ sort, descending: sort !== "tags" });
    const expected = sort === "tags" ? [nameOf(COUNT - 1), nameOf(7), ...kept] : kept.toReversed();
    expect(found).toEqual(expected.slice(0, 5));
    expect(queries).toBeLessThan(40);
  }
  const paged: string[] = [];
  for (let cursor: string | undefined, isFirst = true; cursor || isFirst; isFirst = false) {
    const { entries, next } = await page({ cursor, limit: 50 });
    paged.push(...entries.map(({ repository }) => repository));
    cursor = next;
  }
  expect(paged).toEqual(kept.toReversed());
  expect((await queriesOf({ text: "nothing" }))[1]).toBeLessThan(30);
});
