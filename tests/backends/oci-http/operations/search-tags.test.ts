import { describe, expect, test } from "bun:test";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import { searchTags, type TagSearch } from "../../../../src/backends/oci-http/operations/search-tags.ts";
import { parseCleanupRule } from "../../../../src/backends/oci-http/policy/cleanup-rules.ts";
import type { TagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { InvalidArgumentError, NotAllowedError, NotFoundError } from "../../../../src/backends/refusals.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver, type TestRegistry } from "../../../support/registry-services.ts";

const READER = actorWith({ "http/oci/default/team/**": "reader" });
const SORTS = ["name", "version", "pushed", "size"] as const;
const WAIT_MS = 30_000;

function searcher(services: TestRegistry) {
  const search = (options: Partial<TagSearch> = {}, actor = READER) =>
    searchTags(services, actor, {
      instance: DEFAULT,
      repository: APP,
      sort: "name",
      descending: false,
      limit: 3,
      ...options,
    });
  /** The tags on all pages. */
  const tagsOf = async (options: Partial<TagSearch> = {}) => {
    const tags: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await search({ ...options, ...(cursor !== undefined && { cursor }) });
      tags.push(...page.entries.map(({ tag }) => tag));
      cursor = page.next;
    } while (cursor !== undefined);
    return tags;
  };
  return { search, tagsOf };
}

const VERSIONS = ["1.0", "latest", "v1.0.0", "v1.0.0-rc1", "v1.10.0", "v1.9.0", "v2.0.0"];

async function storeWithVersions() {
  const store = await TestStore.open();
  await store.image(VERSIONS);
  await store.oci.summaries.newest(WAIT_MS);
  const services = registryOver(store);
  return { store, services, ...searcher(services) };
}

describe("a search of tags", () => {
  test("finds a part of the tag, in any case, page by page, and counts", async () => {
    const { search, tagsOf } = await storeWithVersions();
    expect(await tagsOf()).toEqual(VERSIONS);
    expect(await tagsOf({ descending: true })).toEqual(VERSIONS.toReversed());
    expect(await tagsOf({ text: "V1.0" })).toEqual(["v1.0.0", "v1.0.0-rc1"]);
    expect(await tagsOf({ text: "%" })).toEqual([]);
    expect((await search({ text: "v1" })).total).toBe(4);
    expect((await search()).total).toBe(7);
  });

  test("sorts versions by their numbers, the moving tag of a series before its members", async () => {
    const { tagsOf } = await storeWithVersions();
    expect(await tagsOf({ sort: "version", descending: true })).toEqual([
      "latest",
      "v2.0.0",
      "v1.10.0",
      "v1.9.0",
      "1.0",
      "v1.0.0",
      "v1.0.0-rc1",
    ]);
  });

  test("has every tag once in each order, and one that was pushed just now", async () => {
    const { store, tagsOf } = await storeWithVersions();
    await store.image("big", { layers: [await store.blob("x".repeat(1000))] });
    for (const sort of SORTS)
      for (const descending of [false, true])
        expect((await tagsOf({ sort, descending })).toSorted()).toEqual(["big", ...VERSIONS].toSorted());
    expect((await tagsOf({ sort: "size", descending: true }))[0]).toBe("big");
  });

  test("has every tag once while other tags are pushed", async () => {
    const { store, search } = await storeWithVersions();
    for (const sort of SORTS) {
      const seen: string[] = [];
      for (let cursor: string | undefined = "", i = 0; cursor !== undefined; i++) {
        const page = await search({ sort, ...(cursor !== "" && { cursor }) });
        seen.push(...page.entries.map(({ tag }) => tag));
        await store.image(`0-new-${sort}-${i}`);
        cursor = page.next;
      }
      expect(seen.filter((tag) => VERSIONS.includes(tag)).toSorted()).toEqual(VERSIONS.toSorted());
      expect(new Set(seen).size).toBe(seen.length);
    }
  });

  test("tells what a tag names, when it was set and by whom, and whether it can be moved or is deleted next", async () => {
    const { store, services, search } = await storeWithVersions();
    const rule = parseCleanupRule("team/**,newest=1,keep=v*");
    services.set({ immutable: ["v*" as TagPattern], cleanup: rule ? [rule] : [] });
    const { entries } = await search({ text: "v2" });
    expect(entries).toMatchObject([
      {
        tag: "v2.0.0",
        digest: store.oci.index.tagDigest(APP, "v2.0.0" as never),
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        by: "alice",
        isWriteOnce: true,
        expires: undefined,
      },
    ]);
    expect(entries[0]?.size).toBeGreaterThan(0);
    expect(entries[0]?.pushed?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    await Bun.sleep(1001 - (Date.now() % 1000));
    await store.image("newest");
    expect((await search({ text: "latest" })).entries).toMatchObject([
      { isWriteOnce: false, expires: { rule: "team/**,newest=1,keep=v*" } },
    ]);
  });

  test("lists tags by name before they are measured for the first time", async () => {
    const { store, search } = await storeWithVersions();
    store.oci.summaries.newest = async () => undefined;
    const page = await search({ sort: "size", text: "v1" });
    expect(page).toMatchObject({ isMeasured: false, next: undefined });
    expect(page.entries.map(({ tag }) => String(tag))).toEqual(["v1.0.0", "v1.0.0-rc1", "v1.10.0"]);
  });

  test("is refused in the same words for a repository that is hidden and for one that does not exist", async () => {
    const { store, search } = await storeWithVersions();
    await store.image("v1", { repository: "hidden" as RepositoryName });
    for (const repository of ["hidden", "nowhere"] as RepositoryName[])
      await expect(search({ repository })).rejects.toEqual(
        new NotAllowedError(`no repository '${repository}' in 'default' that you may read`),
      );
    await expect(search({ repository: "team/missing" as RepositoryName })).rejects.toBeInstanceOf(
      NotFoundError,
    );
    await expect(search({ cursor: "x" })).rejects.toBeInstanceOf(InvalidArgumentError);
  });
});

describe("a search of tags as of a moment", () => {
  test("shows the tags that there were, with their digests, in each order", async () => {
    const { store, services, search, tagsOf } = await storeWithVersions();
    const before = await store.image("moved");
    await store.image("gone");
    const at = parseMoment(store.oci.store.head().commitId ?? "");
    await store.image("moved");
    await store.delete("gone");
    await store.delete("latest");
    await store.image("later");
    const then = [...VERSIONS, "moved", "gone"];
    for (const sort of ["name", "version", "pushed"] as const)
      for (const descending of [false, true])
        expect((await tagsOf({ at, sort, descending })).toSorted()).toEqual(then.toSorted());
    expect((await tagsOf({ at, sort: "pushed", descending: true })).slice(0, 2)).toEqual(["gone", "moved"]);
    expect(await tagsOf({ at, descending: true })).toEqual(then.toSorted().toReversed());
    expect((await search({ at, text: "moved" })).entries).toMatchObject([
      { tag: "moved", digest: before.digest, by: "alice" },
    ]);
    await expect(search({ at, sort: "size" })).rejects.toBeInstanceOf(InvalidArgumentError);
    services.set({ at: (at?.point.kind === "commit" ? at.point.prefix : "") as never });
    expect((await tagsOf()).toSorted()).toEqual(then.toSorted());
  });

  test("finds all of many tags, many of which are gone", async () => {
    const store = await TestStore.open();
    const names = Array.from({ length: 620 }, (_, i) => `t${String(i).padStart(4, "0")}`);
    const gone = await store.image(names.slice(0, 560));
    await store.image(names.slice(560));
    await store.delete(gone);
    const { tagsOf } = searcher(registryOver(store));
    const at = parseMoment(store.oci.store.head().commitId ?? "");
    await store.image("after");
    for (const sort of ["name", "version", "pushed"] as const)
      expect(await tagsOf({ at, sort, limit: 25 })).toEqual(names.slice(560));
  });
});

test("a search of tags shows them without their pushes while the history reads many commits", async () => {
  const store = await TestStore.open();
  await store.image(["v1"]);
  const { history } = store.oci;
  const readHistory = history.catchUp.bind(history);
  // Reads nothing, for as long as its caller waits.
  history.catchUp = (signal) =>
    new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
  const { search } = searcher(registryOver(store));
  expect((await search()).entries).toMatchObject([{ tag: "v1", pushed: undefined, by: undefined }]);
  history.catchUp = readHistory;
  expect((await search()).entries).toMatchObject([{ tag: "v1", pushed: expect.any(Date) }]);
});
