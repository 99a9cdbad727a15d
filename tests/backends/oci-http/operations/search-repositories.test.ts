import { describe, expect, test } from "bun:test";
import type { Actor } from "../../../../src/backends/actor.ts";
import { anonymousActor } from "../../../../src/backends/actor.ts";
import { MAX_PAGE } from "../../../../src/backends/oci-http/operations/found-page.ts";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import {
  type RepositorySearch,
  searchRepositories,
} from "../../../../src/backends/oci-http/operations/search-repositories.ts";
import { InvalidArgumentError } from "../../../../src/backends/refusals.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { ADMINISTRATOR, actorWith, usersWithAnonymous } from "../../../support/actors.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const WAIT_MS = 30_000;
const SORTS = ["name", "pushed", "size", "tags"] as const;

/** Repositories with so many tags each. */
async function registryOf(repositories: Readonly<Record<string, number>>) {
  const store = await TestStore.open();
  for (const [name, tags] of Object.entries(repositories))
    await store.image(
      Array.from({ length: tags }, (_, i) => `v${i}`),
      { repository: name as RepositoryName },
    );
  await store.oci.summaries.newest(WAIT_MS);
  const users = usersWithAnonymous({ "http/oci/default/public/**": "reader" });
  const services = { ...registryOver(store), users };
  const search = (actor: Actor, options: Partial<RepositorySearch> = {}) =>
    searchRepositories(services, actor, {
      instance: DEFAULT,
      sort: "name",
      descending: false,
      limit: 2,
      ...options,
    });
  /** The names on all pages. */
  const namesOf = async (actor: Actor, options: Partial<RepositorySearch> = {}) => {
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await search(actor, { ...options, ...(cursor !== undefined && { cursor }) });
      names.push(...page.entries.map(({ repository }) => repository));
      cursor = page.next;
    } while (cursor !== undefined);
    return names;
  };
  return { store, services, users, search, namesOf };
}

const FEW = { "team/a": 1, "team/b": 3, "team/c": 2, hidden: 4, "public/p": 5 };

describe("a search of repositories", () => {
  test("finds a part of the name, in any case, page by page", async () => {
    const { search, namesOf } = await registryOf(FEW);
    const actor = actorWith(ADMINISTRATOR);
    expect(await namesOf(actor)).toEqual(["hidden", "public/p", "team/a", "team/b", "team/c"]);
    expect(await namesOf(actor, { text: "M/" })).toEqual(["team/a", "team/b", "team/c"]);
    expect(await namesOf(actor, { text: "_" })).toEqual([]);
    expect((await search(actor, { text: "team" })).total).toBe(3);
    expect((await search(actor)).total).toBe(5);
  });

  test("is sorted by number of tags, size and last push, both ways", async () => {
    const { store, namesOf } = await registryOf(FEW);
    const actor = actorWith(ADMINISTRATOR);
    const byTags = ["team/a", "team/c", "team/b", "hidden", "public/p"];
    expect(await namesOf(actor, { sort: "tags" })).toEqual(byTags);
    expect(await namesOf(actor, { sort: "tags", descending: true })).toEqual(byTags.toReversed());
    const repository = "team/a" as RepositoryName;
    await store.image("big", { repository, layers: [await store.blob("x".repeat(1000), { repository })] });
    expect((await namesOf(actor, { sort: "size", descending: true }))[0]).toBe("team/a");
    for (const sort of SORTS)
      for (const descending of [false, true])
        expect((await namesOf(actor, { sort, descending })).toSorted()).toEqual(Object.keys(FEW).toSorted());
  });

  test("tells size, last push and author, and what everybody may pull", async () => {
    const { search } = await registryOf(FEW);
    const { entries } = await search(actorWith(ADMINISTRATOR), { text: "p", limit: 1 });
    expect(entries[0]).toMatchObject({ repository: "public/p", tags: 5, by: "alice", isPublic: true });
    expect(entries[0]?.size).toBeGreaterThan(0);
    expect(entries[0]?.pushed?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    const { entries: others } = await search(actorWith(ADMINISTRATOR), { text: "hidden" });
    expect(others[0]).toMatchObject({ isPublic: false });
  });

  test("shows each user what that user may read, and counts nothing else", async () => {
    const { search, namesOf, users } = await registryOf(FEW);
    const anonymous = anonymousActor({
      directory: () => users.directory,
      client: "test",
      remote: "127.0.0.1",
    });
    for (const sort of SORTS) {
      expect(await namesOf(anonymous, { sort })).toEqual(["public/p"]);
      const reader = actorWith({ "http/oci/default/team/*": "reader" });
      expect((await namesOf(reader, { sort })).toSorted()).toEqual(["team/a", "team/b", "team/c"]);
    }
    expect(await search(anonymous)).toMatchObject({ total: 1 });
    const nobody = await search(actorWith({}));
    expect(nobody).toEqual({ entries: [], next: undefined, total: 0, isMeasured: true });
  });

  test("gives a reader of a few repositories the answer of a registry that has no others", async () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`other/r${i}`, 1]));
    const reader = actorWith({ "http/oci/default/team/**": "reader", "http/oci/default/*/x": "reader" });
    const answers = [];
    for (const registry of [await registryOf({ ...FEW, ...many }), await registryOf(FEW)]) {
      const pages = [];
      for (const sort of ["name", "tags"] as const) {
        const first = await registry.search(reader, { sort });
        const second = await registry.search(reader, { sort, cursor: first.next });
        pages.push(
          [first, second].map(({ entries, ...rest }) => [entries.map(({ repository }) => repository), rest]),
        );
      }
      answers.push(pages);
    }
    expect(answers[0]).toEqual(answers[1] ?? []);
  });

  test("has every repository once while others are pushed, and shows what was pushed just now", async () => {
    const names = Array.from({ length: 9 }, (_, i) => `r${i}`);
    const { store, search } = await registryOf(Object.fromEntries(names.map((name) => [name, 1])));
    const actor = actorWith(ADMINISTRATOR);
    for (const sort of SORTS) {
      const seen: string[] = [];
      for (let cursor: string | undefined = "", i = 0; cursor !== undefined; i++) {
        const page = await search(actor, { sort, ...(cursor !== "" && { cursor }) });
        seen.push(...page.entries.map(({ repository }) => repository));
        await store.image("v1", { repository: `new-${sort}-${i}` as RepositoryName });
        cursor = page.next;
      }
      expect(seen.filter((name) => /^r\d$/.test(name)).toSorted()).toEqual(names);
      expect(new Set(seen).size).toBe(seen.length);
    }
    const [first] = (await search(actor, { text: "new-tags-0", limit: 1 })).entries;
    expect(first).toMatchObject({ repository: "new-tags-0", tags: 1 });
  });

  test("lists repositories by name before they are measured for the first time", async () => {
    const store = await TestStore.open();
    const services = { ...registryOver(store), users: usersWithAnonymous({}) };
    for (const name of ["b", "a", "c"]) await store.image("v1", { repository: name as RepositoryName });
    store.oci.summaries.newest = async () => undefined;
    const request = { instance: DEFAULT, sort: "size", descending: true, limit: 2 } as const;
    expect(await searchRepositories(services, actorWith(ADMINISTRATOR), request)).toMatchObject({
      entries: [
        { repository: "a", tags: 1, size: undefined },
        { repository: "b", tags: 1 },
      ],
      isMeasured: false,
    });
  });

  test("forgets a repository that holds nothing any more", async () => {
    const { store, namesOf } = await registryOf({});
    const image = await store.image("v1", { repository: "gone" as RepositoryName });
    expect(await namesOf(actorWith(ADMINISTRATOR))).toEqual(["gone"]);
    await store.delete(image, "gone" as RepositoryName);
    expect(await namesOf(actorWith(ADMINISTRATOR))).toEqual([]);
  });

  test("refuses a cursor of another list, and pages that are too large", async () => {
    const { search } = await registryOf(FEW);
    const actor = actorWith(ADMINISTRATOR);
    const { next } = await search(actor);
    for (const cursor of ["", "!", "e30", "bnVsbA"])
      await expect(search(actor, { cursor })).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(search(actor, { cursor: next, sort: "size" })).rejects.toEqual(
      new InvalidArgumentError("the cursor is not one of this list; begin with the first page"),
    );
    for (const limit of [0, 1.5, MAX_PAGE + 1])
      await expect(search(actor, { limit })).rejects.toBeInstanceOf(InvalidArgumentError);
  });
});

describe("a search of repositories as of a moment", () => {
  test("shows the repositories that there were, with their numbers of tags", async () => {
    const { store, search, namesOf } = await registryOf(FEW);
    const actor = actorWith(ADMINISTRATOR);
    const at = parseMoment(store.oci.store.head().commitId ?? "");
    await store.image("v1", { repository: "later" as RepositoryName });
    const repository = "team/a" as RepositoryName;
    await store.image(["more", "v0"], { repository });
    const gone = await store.image("v0", { repository: "hidden" as RepositoryName });
    await store.delete(gone, "hidden" as RepositoryName);
    const names = Object.keys(FEW).toSorted();
    expect(await namesOf(actor, { at })).toEqual(names);
    expect(await namesOf(actor, { at, descending: true })).toEqual(names.toReversed());
    const byTags = ["team/a", "team/c", "team/b", "hidden", "public/p"];
    expect(await namesOf(actor, { at, sort: "tags" })).toEqual(byTags);
    expect((await namesOf(actor, { at, sort: "pushed" })).toSorted()).toEqual(names);
    expect((await search(actor, { at, text: "team/a" })).entries).toMatchObject([
      { repository: "team/a", tags: 1, size: undefined, by: "alice", isPublic: false },
    ]);
    await expect(search(actor, { at, sort: "size" })).rejects.toBeInstanceOf(InvalidArgumentError);
    expect(await namesOf(actor, { at: parseMoment("2000-01-01") })).toEqual([]);
  });

  test("shows each user what that user may read", async () => {
    const { store, search, namesOf } = await registryOf(FEW);
    const at = parseMoment(store.oci.store.head().commitId ?? "");
    await store.image("v1", { repository: "team/later" as RepositoryName });
    const reader = actorWith({ "http/oci/default/team/*": "reader" });
    for (const sort of ["name", "tags", "pushed"] as const)
      expect((await namesOf(reader, { at, sort })).toSorted()).toEqual(["team/a", "team/b", "team/c"]);
    expect((await search(actorWith({}), { at })).entries).toEqual([]);
  });

  test("is what a registry at a past state shows", async () => {
    const { store, services, namesOf } = await registryOf(FEW);
    services.set({ at: store.oci.store.head().commitId });
    await store.image("v1", { repository: "later" as RepositoryName });
    expect(await namesOf(actorWith(ADMINISTRATOR))).toEqual(Object.keys(FEW).toSorted());
  });
});
