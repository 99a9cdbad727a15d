import { expect, spyOn, test } from "bun:test";
import type { Actor } from "../../../../src/backends/actor.ts";
import { copyRepository } from "../../../../src/backends/oci-http/operations/copy.ts";
import { type LogPageRequest, readLogPage } from "../../../../src/backends/oci-http/operations/log-page.ts";
import { InvalidArgumentError, NotAllowedError } from "../../../../src/backends/refusals.ts";
import { SYSTEM_IDENTITY } from "../../../../src/primitives/store/commits/commit-group.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

const HIDDEN = "hidden" as RepositoryName;
const OTHER = "team/other" as RepositoryName;
const ADMIN = actorWith(ADMINISTRATOR);
const READER = actorWith({ "http/oci/default/team/**": "reader" });

async function logOf(store: TestStore) {
  const services = registryOver(store);
  const page = (options: Partial<LogPageRequest> = {}, actor: Actor = ADMIN) =>
    readLogPage(services, actor, { instance: DEFAULT, limit: 3, ...options });
  /** The subjects on all pages. */
  const subjectsOf = async (options: Partial<LogPageRequest> = {}, actor: Actor = ADMIN) => {
    const subjects: string[] = [];
    let cursor: string | undefined;
    do {
      const read = await page({ ...options, ...(cursor !== undefined && { cursor }) }, actor);
      subjects.push(...read.entries.map(({ subject }) => subject));
      cursor = read.older;
    } while (cursor !== undefined);
    return subjects;
  };
  return { services, page, subjectsOf };
}

/** Three pushes and a delete in one repository, two pushes in others, and a commit of stock git. */
async function storeWithHistory() {
  const store = await TestStore.open();
  await store.image("v1");
  await store.image("v2");
  await store.image("secret", { repository: HIDDEN });
  await store.image("v3");
  await store.delete("v1");
  await store.image("v1", { repository: OTHER });
  await store.oci.store.write(storePath("readme"), Buffer.from("x"), {
    author: { name: "bob", email: "bob@everlock" },
    message: "explain",
  });
  return { store, ...(await logOf(store)) };
}

const ALL = [
  "explain",
  "push team/other:v1",
  "delete team/app:v1",
  "push team/app:v3",
  "push hidden:secret",
  "push team/app:v2",
  "push team/app:v1",
];

test("pages hold all events, the newest first, and lead back to the newer ones", async () => {
  const { page, subjectsOf } = await storeWithHistory();
  expect(await subjectsOf()).toEqual(ALL);
  const first = await page();
  expect(first).toMatchObject({ newer: undefined, isComplete: true });
  const second = await page({ cursor: first.older });
  const back = await page({ cursor: second.newer });
  expect(back.entries).toEqual(first.entries);
  expect(back.newer).toBeUndefined();
  expect((await page({ cursor: back.older })).entries).toEqual(second.entries);
  const third = await page({ cursor: second.older });
  expect(third).toMatchObject({ older: undefined });
  expect((await page({ cursor: third.newer })).entries).toEqual(second.entries);
});

test("pages have no gap and no event twice while pushes go on, and the newest page leads to them", async () => {
  const { store, page } = await storeWithHistory();
  const seen: string[] = [];
  const first = await page();
  for (let read = first; ; ) {
    seen.push(...read.entries.map(({ subject }) => subject));
    await store.image("new");
    if (read.older === undefined) break;
    read = await page({ cursor: read.older });
  }
  expect(seen).toEqual(ALL);
  const second = await page({ cursor: first.older });
  const newer = await page({ cursor: second.newer });
  expect(newer.entries).toEqual(first.entries);
  expect((await page({ cursor: newer.newer })).entries.map(({ subject }) => subject)).toEqual(
    Array.from({ length: 3 }, () => "push team/app:new"),
  );
});

test("events are narrowed by repository, tag, author, kind, client and time", async () => {
  const { subjectsOf } = await storeWithHistory();
  const appOnly = ALL.filter((subject) => subject.includes("team/app"));
  expect(await subjectsOf({ repository: APP })).toEqual(appOnly);
  expect(await subjectsOf({ repository: APP, tag: "v1" as Tag })).toEqual([
    "delete team/app:v1",
    "push team/app:v1",
  ]);
  expect(await subjectsOf({ user: "bob" })).toEqual(["explain"]);
  expect(await subjectsOf({ user: "alice", repository: OTHER })).toEqual(["push team/other:v1"]);
  expect(await subjectsOf({ kind: "delete" })).toEqual(["delete team/app:v1"]);
  expect(await subjectsOf({ kind: "other" })).toEqual(["explain"]);
  expect(await subjectsOf({ kind: "push", client: "TES" })).toEqual(
    ALL.filter((subject) => subject.startsWith("push")),
  );
  expect(await subjectsOf({ client: "podman" })).toEqual([]);
  const [past, future] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
  expect(await subjectsOf({ since: past, until: future })).toEqual(ALL);
  expect(await subjectsOf({ until: past })).toEqual([]);
  expect(await subjectsOf({ since: future })).toEqual([]);
});

test("a reader of a few repositories gets the pages of a registry that has no others", async () => {
  const answers: unknown[] = [];
  for (const isAlone of [true, false]) {
    const store = await TestStore.open();
    for (let i = 0; i < 4; i++) {
      await store.image(`v${i}`);
      if (!isAlone) await store.image(`v${i}`, { repository: HIDDEN });
      await store.image(`v${i}`, { repository: OTHER });
    }
    const { page } = await logOf(store);
    const pages = [];
    for (let cursor: string | undefined = "", i = 0; cursor !== undefined && i < 20; i++) {
      const read = await page({ ...(cursor !== "" && { cursor }) }, READER);
      pages.push([read.entries.map(({ subject }) => subject), read.isComplete, typeof read.newer]);
      const shown = read.entries.map(({ commitId }) => commitId);
      // A cursor names what was shown.
      if (read.older) expect(shown).toContain(read.older.split(".")[1] as never);
      cursor = read.older;
    }
    answers.push(pages);
  }
  expect(answers[0]).toEqual(answers[1]);
});

test("others see no event of a repository that they may not read, and names of none", async () => {
  const { store, services, page, subjectsOf } = await storeWithHistory();
  await copyRepository(
    services,
    { ...ADMIN, identity: SYSTEM_IDENTITY },
    {
      instance: DEFAULT,
      from: HIDDEN,
      to: "team/shown" as RepositoryName,
      kind: "rename",
    },
  );
  const subjects = await subjectsOf({}, READER);
  expect(subjects[0]).toBe("rename that involves a repository which you may not read");
  expect(subjects.slice(1)).toEqual(ALL.filter((subject) => subject.includes("team/")));
  expect(await subjectsOf({}, actorWith({}))).toEqual([]);
  await expect(page({ repository: HIDDEN }, READER)).rejects.toBeInstanceOf(NotAllowedError);
  expect(store.tags()).toEqual(["v2", "v3"]);
});

test("a page of a search that finds little ends after many events, and its cursor goes on", async () => {
  const store = await TestStore.open();
  await store.image("first");
  const author = { name: "bob", email: "bob@everlock" };
  const commits = Array.from({ length: 150 }, (_, i) =>
    store.oci.store.write(storePath(`file-${i}`), Buffer.from("x"), { author, message: "note" }),
  );
  await Promise.all(commits);
  const { page } = await logOf(store);
  const cut = await page({ kind: "push", examined: 100 });
  expect(cut).toMatchObject({ entries: [], isComplete: false });
  expect(await page({ kind: "push", examined: 100, cursor: cut.older })).toMatchObject({
    entries: [{ subject: "push team/app:first" }],
    older: undefined,
    isComplete: true,
  });
});

test("a search that finds nothing ends at a commit that the reader may see", async () => {
  const store = await TestStore.open();
  const author = { name: "bob", email: "bob@everlock" };
  const shown: unknown[] = [];
  for (const tag of ["v1", "v2", "v3"]) {
    await store.image(tag);
    shown.push(`older.${store.oci.store.head().commitId}`);
    const notes = Array.from({ length: 150 }, (_, i) =>
      store.oci.store.write(storePath(`${tag}-${i}`), Buffer.from("x"), { author, message: "note" }),
    );
    await Promise.all(notes);
  }
  const { page } = await logOf(store);
  const cursors: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const read = await page({ kind: "restore", examined: 100, cursor }, READER);
    expect(read.isComplete).toBe(read.older === undefined);
    if (read.older === undefined) break;
    cursors.push(read.older);
    cursor = read.older;
  }
  expect(cursors).not.toBeEmpty();
  for (const cursor of cursors) expect(shown).toContain(cursor);
});

test("a search in a repository looks through the moves of its tags once, however many commits it reads", async () => {
  const store = await TestStore.open();
  const image = await store.image("first");
  const named = { mediaType: image.mediaType, config: image, layers: [image] };
  for (let i = 0; i < 5; i++)
    await Promise.all(Array.from({ length: 50 }, (_, k) => store.manifest(`v${i}-${k}`, APP, named)));
  await store.oci.store.write(storePath("readme"), Buffer.from("x"), {
    author: SYSTEM_IDENTITY,
    message: "explain",
  });
  const { page } = await logOf(store);
  await page();
  const first = spyOn(store.oci.history, "first");
  expect(await page({ repository: APP, kind: "restore" })).toMatchObject({ entries: [], isComplete: true });
  const queries = first.mock.calls.map(([sql]) => sql);
  expect(queries.filter((sql) => sql.includes("moves"))).toHaveLength(1);
});

test("a registry at a past state tells nothing that came later, and a wrong cursor is refused", async () => {
  const { store, services, page, subjectsOf } = await storeWithHistory();
  services.set({ at: store.oci.store.head().commitId });
  await store.image("later");
  expect(await subjectsOf()).toEqual(ALL);
  for (const cursor of ["", "older", "older.12", `older.${"0".repeat(64)}`, `x.${"0".repeat(64)}`])
    await expect(page({ cursor })).rejects.toEqual(
      new InvalidArgumentError("the cursor is not one of this list; begin with the first page"),
    );
});
