import { describe, expect, test } from "bun:test";
import { type FeedAnswer, LocalHistoryFeed } from "../../../../src/backends/oci-http/feed/history-feed.ts";
import { decodePage, type HistoryPage } from "../../../../src/backends/oci-http/feed/history-page.ts";
import { type NamedObject, nameObject } from "../../../../src/primitives/store/git/object.ts";
import { NO_COMMIT, type ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { describeWith, must } from "../../../support/tools.ts";

const OPEN = new AbortController().signal;

function feedOf({ oci }: TestStore, limits: ConstructorParameters<typeof LocalHistoryFeed>[3] = {}) {
  return new LocalHistoryFeed(oci.store, oci.history, OPEN, limits);
}

async function pageIn(answer: FeedAnswer): Promise<HistoryPage> {
  if (answer.kind !== "page") throw new Error(`it was ${answer.kind}`);
  return decodePage(new Uint8Array(answer.body));
}

const now = (...haves: readonly (ObjectId | undefined)[]) => ({
  haves: haves.filter((id) => id !== undefined),
  skip: 0,
  waitMs: 0,
});

/** Follows the feed from the beginning to the end; resolves with all objects and the number of pages. */
async function readAll(feed: LocalHistoryFeed) {
  const objects = new Map<ObjectId, NamedObject>();
  let [at, skip, pages]: [ObjectId | undefined, number, number] = [undefined, 0, 0];
  for (;;) {
    const answer = await feed.page({ ...now(at), skip });
    if (answer.kind !== "page") return { objects, at, pages, answer };
    const page = await pageIn(answer);
    for (const object of page.objects) objects.set(object.id, object);
    [at, skip] = [page.to ?? at, page.skip];
    pages++;
  }
}

/** The commits of a history, from the newest to the beginning, as far as the objects have them. */
function commitsIn(objects: ReadonlyMap<ObjectId, NamedObject>, newest: ObjectId | undefined): ObjectId[] {
  const ids: ObjectId[] = [];
  for (let id = newest; id; ) {
    const body = objects.get(id)?.body;
    if (!body) throw new Error(`the commit ${id} is missing`);
    ids.push(id);
    id = Buffer.from(body)
      .toString()
      .match(/^parent ([0-9a-f]{64})$/m)?.[1] as ObjectId | undefined;
  }
  return ids;
}

const idsOf = async ({ oci }: TestStore) => (await Array.fromAsync(oci.store.history())).map(({ id }) => id);

describe("the feed of a history", () => {
  test("gives every commit with all of its objects, in pages, whether a page holds many commits or a part of one", async () => {
    const store = await TestStore.open();
    for (const tag of ["a", "b", "c", "d"]) await store.image(tag);
    await store.delete("b");
    const whole = await readAll(feedOf(store));
    expect([whole.pages, whole.answer]).toEqual([1, { kind: "current", head: whole.at }]);
    expect(commitsIn(whole.objects, whole.at)).toEqual(await idsOf(store));
    for (const limits of [{ bytes: 1 }, { bytes: 2000 }, { commits: 2 }]) {
      const parts = await readAll(feedOf(store, limits));
      expect(parts.pages).toBeGreaterThan(2);
      expect([...parts.objects.keys()].sort()).toEqual([...whole.objects.keys()].sort());
      expect(parts.at).toBe(whole.at);
    }
  });

  test("says where a page begins and ends, and how many commits are left", async () => {
    const store = await TestStore.open();
    for (const tag of ["a", "b", "c"]) await store.image(tag);
    const [c, b, a] = await idsOf(store);
    const page = await pageIn(await feedOf(store, { commits: 1 }).page(now(a)));
    expect(page).toMatchObject({ head: c, from: a, to: b, skip: 0, commits: 1, remaining: 1 });
    expect(page.objects.every(({ id, type, body }) => nameObject(type, body).id === id)).toBe(true);
  });

  test("of several commits that the replica has, it follows the first that is in the history, also one of long ago", async () => {
    const store = await TestStore.open();
    await store.image("first");
    const [first] = await idsOf(store);
    for (let i = 0; i < 12; i++) await store.manifest(`t${i}`, "some/app" as never, emptyIndex(i));
    const page = await pageIn(await feedOf(store, { near: 5, commits: 10 }).page(now(NO_COMMIT, first)));
    expect(page).toMatchObject({ from: first, commits: 10, remaining: 2 });
  });

  test("a replica whose commits are not in the history is told so", async () => {
    const store = await TestStore.open();
    expect(await feedOf(store).page(now(NO_COMMIT))).toEqual({ kind: "diverged", head: undefined });
    await store.image("a");
    const [head] = await idsOf(store);
    expect(await feedOf(store).page(now(NO_COMMIT))).toEqual({ kind: "diverged", head: head as ObjectId });
  });

  test("a replica that has all waits for the next commit, and gets it as soon as it is made", async () => {
    const store = await TestStore.open();
    const feed = feedOf(store);
    const first = feed.page({ haves: [], skip: 0, waitMs: 60_000 });
    await store.image("a");
    const { to } = await pageIn(await first);
    const next = feed.page({ ...now(to), waitMs: 60_000 });
    await store.delete("a");
    expect(await pageIn(await next)).toMatchObject({ from: to, commits: 1, remaining: 0 });
  });

  test("waits end when the time is over, and when the store closes", async () => {
    const store = await TestStore.open();
    const closing = new AbortController();
    const feed = new LocalHistoryFeed(store.oci.store, store.oci.history, closing.signal);
    expect(await feed.page({ haves: [], skip: 0, waitMs: 1 })).toEqual({ kind: "current", head: undefined });
    const waiting = feed.page({ haves: [], skip: 0, waitMs: 60_000 });
    closing.abort();
    expect(await waiting).toEqual({ kind: "current", head: undefined });
  });

  test("a bounded number of requests wait at the same time", async () => {
    const store = await TestStore.open();
    const feed = feedOf(store, { requests: 2 });
    const waiting = [1, 2].map(() => feed.page({ haves: [], skip: 0, waitMs: 60_000 }));
    expect(await feed.page(now())).toEqual({ kind: "busy" });
    await store.image("a");
    for (const answer of await Promise.all(waiting)) expect(answer.kind).toBe("page");
    expect((await feed.page(now())).kind).toBe("page");
  });
});

describeWith(["git"], "the feed of a history that stock git has merged", () => {
  test("has the commits that were merged, with all of their objects", async () => {
    const store = await TestStore.open();
    await store.image("a");
    const [first] = await idsOf(store);
    const git = (...args: string[]) =>
      must(["git", "-C", store.dir, "-c", "user.name=op", "-c", "user.email=op@example.org", ...args]);
    const tree = (await git("rev-parse", "main^{tree}")).trim();
    const side = (await git("commit-tree", tree, "-p", String(first), "-m", "side")).trim();
    await store.image("b");
    const main = (await git("rev-parse", "main")).trim();
    const merged = (await git("commit-tree", `${main}^{tree}`, "-p", main, "-p", side, "-m", "merge")).trim();
    await git("update-ref", "refs/heads/main", merged, main);
    const { objects, at } = await readAll(feedOf(store));
    expect(at as string).toBe(merged);
    const all = (await git("rev-list", "--objects", "main")).trim().split("\n");
    expect([...objects.keys()].sort() as string[]).toEqual(all.map((line) => line.slice(0, 64)).sort());
  });
});

function emptyIndex(note: number) {
  return {
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [],
    annotations: { note: String(note) },
  };
}
