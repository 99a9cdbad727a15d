import { expect, spyOn, test } from "bun:test";
import { MirrorView } from "../../../../src/backends/oci-http/mirror/mirror-view.ts";
import type { TagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import type { CheckInterval } from "../../../../src/backends/oci-http/settings/upstream-values.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { UnobtainableError } from "../../../../src/registry/model/unobtainable.ts";
import { testMirror } from "../../../support/mirror.ts";
import { ALICE, APP, TestStore } from "../../../support/oci-store.ts";

const ALWAYS = { check: "always" as CheckInterval };
const DEMO = { kind: "tag", tag: "demo" as Tag } as const;

async function open(settings: Parameters<typeof testMirror>[1] = {}) {
  const store = await TestStore.open();
  return { store, ...testMirror(store.oci, settings) };
}

const lastEvent = ({ oci }: TestStore) => oci.history.lastEvent(APP, "demo" as Tag);

test("a tag that is not there is fetched, and kept by a commit of the user who pulled", async () => {
  const { store, upstream, tag } = await open();
  const { digest } = upstream.image("demo");
  expect((await tag("demo"))?.digest).toBe(digest);
  expect(store.oci.index.tagDigest(APP, "demo" as Tag)).toBe(digest);
  const event = await lastEvent(store);
  expect(event).toMatchObject({ subject: "mirror team/app:demo", user: "alice", client: "test", digest });
});

test("a tag that was checked just now is served without a request to upstream", async () => {
  const { upstream, tag } = await open();
  upstream.image("demo");
  for (let i = 0; i < 3; i++) await tag("demo");
  expect(upstream.asked.length).toBe(2);
});

test("a copy that another node has fetched is served while upstream is away", async () => {
  const { store, upstream, tag } = await open(ALWAYS);
  const { digest } = upstream.image("demo");
  await tag("demo");
  // This node has not read the log since.
  const index = spyOn(store.oci.index, "tagDigest").mockReturnValue(undefined);
  const refresh = spyOn(store.oci, "refresh").mockImplementation(async () => index.mockRestore());
  upstream.failure = { kind: "unavailable", reason: "it closed the connection" };
  const copy = await tag("demo");
  expect(copy).toMatchObject({ digest, warning: expect.stringContaining("served from the copy") });
  expect(refresh).toHaveBeenCalled();
});

test("one thread asks for a fresh tag once, and then serves it by itself", async () => {
  const { upstream, storage, config, mirrors } = await open();
  upstream.image("demo");
  let calls = 0;
  const counted = {
    ...mirrors,
    manifest: (...args: Parameters<typeof mirrors.manifest>) => {
      calls++;
      return mirrors.manifest(...args);
    },
    noteHits: () => undefined,
  } as unknown as typeof mirrors;
  const view = new MirrorView(config, counted);
  for (let i = 0; i < 3; i++) await storage({ view }).manifest(APP, DEMO);
  expect(calls).toBe(1);
});

test("a tag that upstream moves is moved here by a commit that says where it was", async () => {
  const { store, upstream, tag } = await open(ALWAYS);
  const before = upstream.image("demo").digest;
  await tag("demo");
  const { digest } = upstream.image("demo");
  expect((await tag("demo"))?.digest).toBe(digest);
  const event = await lastEvent(store);
  expect(event?.tags).toEqual([{ tag: "demo" as Tag, previous: before }]);
  expect(event?.subject).toBe("mirror team/app:demo");
});

test("a tag is asked about by HEAD; while it does not move, nothing is fetched or committed", async () => {
  const { store, upstream, tag } = await open(ALWAYS);
  const { digest } = upstream.image("demo");
  await tag("demo");
  const head = store.oci.store.head().commitId;
  for (let i = 0; i < 3; i++) await tag("demo");
  expect(upstream.asked).toEqual(["head demo", `get ${digest}`, "head demo", "head demo", "head demo"]);
  expect(store.oci.store.head().commitId).toBe(head);
});

test("with check=never a tag that is there is never asked about", async () => {
  const { upstream, tag } = await open({ check: "never" as CheckInterval });
  const { digest } = upstream.image("demo");
  await tag("demo");
  upstream.image("demo");
  expect((await tag("demo"))?.digest).toBe(digest);
  expect(upstream.asked.length).toBe(2);
});

test("a known digest is served without a request to upstream, an unknown one is fetched", async () => {
  const { upstream, storage } = await open();
  const { digest } = upstream.image("");
  for (let i = 0; i < 2; i++)
    expect((await storage().manifest(APP, { kind: "digest", digest }))?.digest).toBe(digest);
  expect(upstream.asked).toEqual([`get ${digest}`]);
});

test("requests for the same tag at the same time share one fetch", async () => {
  const { upstream, tag } = await open();
  const { digest } = upstream.image("demo");
  const all = await Promise.all(Array.from({ length: 50 }, () => tag("demo")));
  expect(new Set(all.map((manifest) => manifest?.digest))).toEqual(new Set([digest]));
  expect(upstream.asked.length).toBe(2);
});

test("what upstream does not know is a miss that is remembered for some seconds", async () => {
  const { upstream, tag } = await open();
  for (let i = 0; i < 3; i++) expect(await tag("nope")).toBeUndefined();
  expect(upstream.asked).toEqual(["head nope"]);
});

test("a miss that upstream denies is a miss, and the log has the reason", async () => {
  const { upstream, tag, logged } = await open();
  upstream.failure = { kind: "denied", reason: "https://upstream.test wants other credentials" };
  expect(await tag("demo")).toBeUndefined();
  expect(logged.join("\n")).toContain("wants other credentials");
});

test.each([
  { kind: "limited", retryAfterMs: 60_000, reason: "https://upstream.test wants fewer requests" },
  { kind: "unavailable", reason: "https://upstream.test answers 500" },
  { kind: "denied", reason: "https://upstream.test wants other credentials" },
  { kind: "invalid", reason: "https://upstream.test sends nonsense" },
] as const)(
  "while upstream is $kind, the copy is served with a warning and a line in the log",
  async (failure) => {
    const { upstream, tag, logged } = await open(ALWAYS);
    const { digest } = upstream.image("demo");
    await tag("demo");
    upstream.failure = failure;
    const copy = await tag("demo");
    expect(copy?.digest).toBe(digest);
    expect(copy?.warning).toContain(failure.reason);
    expect(logged.join("\n")).toContain(failure.reason);
  },
);

test("a tag that upstream has no more is served from the copy, with a warning", async () => {
  const { upstream, tag } = await open(ALWAYS);
  const { digest } = upstream.image("demo");
  await tag("demo");
  upstream.tagged.delete("demo");
  const copy = await tag("demo");
  expect(copy?.digest).toBe(digest);
  expect(copy?.warning).toContain("upstream has this tag no more");
});

test("an upstream that stays silent is waited for once; the copy is served, and later requests don't wait", async () => {
  const { upstream, tag } = await open({ ...ALWAYS, wait: "1s" as never });
  const { digest } = upstream.image("demo");
  await tag("demo");
  const silence = Promise.withResolvers<void>();
  upstream.silence = silence.promise;
  const copy = await tag("demo");
  expect(copy).toMatchObject({ digest });
  expect(copy?.warning).toContain("within 1 s");
  const asked = performance.now();
  const next = await tag("demo");
  expect(performance.now() - asked).toBeLessThan(900);
  expect(next?.warning).toContain("within 1 s");
  expect(upstream.count("head demo")).toBe(2);
  silence.resolve();
});

test("an upstream that limits requests is not asked again before its time is over", async () => {
  const { upstream, tag } = await open();
  upstream.failure = { kind: "limited", retryAfterMs: 60_000, reason: "https://upstream.test limits" };
  const refused = async (name: string) => {
    const error = await tag(name).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnobtainableError);
    expect(error).toMatchObject({ kind: "limited", retryAfterSeconds: 60 });
  };
  await refused("demo");
  await refused("other");
  expect(upstream.asked).toEqual(["head demo"]);
});

test("a miss while upstream is away is an error that is not remembered", async () => {
  const { upstream, tag } = await open();
  const { digest } = upstream.image("demo");
  upstream.failure = { kind: "unavailable", reason: "https://upstream.test answers 500" };
  expect(await tag("demo").catch((error) => error)).toMatchObject({ kind: "away" });
  upstream.failure = undefined;
  expect((await tag("demo"))?.digest).toBe(digest);
});

test("a write-once tag stays where it was first found", async () => {
  const { upstream, tag } = await open({
    ...ALWAYS,
    immutable: ["*" as TagPattern],
  });
  const { digest } = upstream.image("demo");
  await tag("demo");
  upstream.image("demo");
  expect((await tag("demo"))?.digest).toBe(digest);
});

test("what a quota refuses is not kept, and the client learns why", async () => {
  const { store, upstream, tag } = await open({ repositoryQuota: 10 });
  upstream.image("demo");
  const error = await tag("demo").catch((thrown) => thrown);
  expect(error).toMatchObject({ kind: "refused" });
  expect(error.message).toContain("quota");
  expect(store.tags()).toEqual([]);
});

test("as a fallback, upstream is not asked about a tag that somebody pushed, but about one that came from there", async () => {
  const { store, upstream, tag } = await open({ ...ALWAYS, upstreamMode: "fallback" });
  const pushed = await store.image("own");
  upstream.image("own");
  expect((await tag("own"))?.digest).toBe(pushed.digest);
  expect(upstream.asked).toEqual([]);
  upstream.image("theirs");
  await tag("theirs");
  const { digest } = upstream.image("theirs");
  expect((await tag("theirs"))?.digest).toBe(digest);
});

test("a tag that somebody pushes while upstream is asked for it is not moved", async () => {
  const { store, upstream, tag } = await open({ upstreamMode: "fallback" });
  upstream.image("demo");
  const silence = Promise.withResolvers<void>();
  upstream.silence = silence.promise;
  const pull = tag("demo");
  const pushed = await store.image("demo");
  silence.resolve();
  expect((await pull)?.digest).toBe(pushed.digest);
});

test("the signatures of an image come along when its referrers are listed", async () => {
  const { upstream, tag, storage } = await open();
  const { digest } = upstream.image("demo");
  const signature = upstream.image("", 10, digest);
  await tag("demo");
  const request = { artifactType: undefined, last: "", limit: 10, maxBytes: 100_000 };
  for (let i = 0; i < 2; i++) {
    const { entries } = await storage().referrers(APP, digest, request);
    expect(entries.map((entry) => entry.digest)).toEqual([signature.digest]);
  }
  expect(upstream.count("referrers")).toBe(1);
});

test("the list of tags is upstream's, or that of the copy while upstream is away", async () => {
  const { upstream, tag, storage } = await open();
  upstream.image("demo");
  upstream.image("other");
  await tag("demo");
  const list = (limit: number) => storage().tags(APP, { last: "", limit });
  const all = { entries: ["demo", "other"] as Tag[], more: false };
  expect(await list(10)).toEqual(all);
  upstream.failure = { kind: "unavailable", reason: "away" };
  expect(await list(11)).toEqual({ entries: ["demo" as Tag], more: false });
});

test("equal requests for the list of tags share one of upstream, which is then remembered for seconds", async () => {
  const { upstream, storage } = await open();
  upstream.image("demo");
  const list = () => storage().tags(APP, { last: "", limit: 10 });
  const pages = [...(await Promise.all([list(), list(), list()])), await list()];
  expect(pages.map((page) => page?.entries)).toEqual(pages.map(() => ["demo" as Tag]));
  expect(upstream.count("tags")).toBe(1);
});

test("of an upstream that sends all tags whatever is asked for, each page of the list has its tags", async () => {
  const { upstream, storage } = await open();
  for (const name of ["a", "b", "c", "d", "e"]) upstream.image(name);
  upstream.listsAll = true;
  const page = (last: string) => storage().tags(APP, { last, limit: 2 });
  expect(await page("")).toEqual({ entries: ["a", "b"] as Tag[], more: true });
  expect(await page("b")).toEqual({ entries: ["c", "d"] as Tag[], more: true });
  expect(await page("d")).toEqual({ entries: ["e" as Tag], more: false });
});

test("a tag that could not be moved for want of room is served from the copy, with a line in the log", async () => {
  const { store, upstream, tag, logged } = await open({ check: "always" as CheckInterval });
  const { digest } = upstream.image("demo");
  await tag("demo");
  upstream.image("demo");
  const full = Object.assign(new Error("write"), { code: "ENOSPC" });
  store.oci.changes.putManifest = () => Promise.reject(full);
  const copy = await tag("demo");
  expect(copy?.digest).toBe(digest);
  expect(copy?.warning).toContain("is served from the copy of this mirror");
  expect(logged.join("\n")).toContain("could not keep the tag 'demo'");
  await expect(tag("other")).resolves.toBeUndefined();
});

test("as a fallback, the list of tags has our own ones and those of upstream", async () => {
  const { store, upstream, storage } = await open({ upstreamMode: "fallback" });
  await store.image("b");
  for (const name of ["a", "c"]) upstream.image(name);
  const page = await storage().tags(APP, { last: "", limit: 2 });
  expect(page).toEqual({ entries: ["a", "b"] as Tag[], more: true });
});

test("what upstream denied is asked for at once after its credential was changed", async () => {
  const { upstream, tag, mirrors } = await open();
  upstream.failure = { kind: "denied", reason: "upstream wants credentials" };
  expect(await tag("demo")).toBeUndefined();
  upstream.failure = undefined;
  const { digest } = upstream.image("demo");
  expect(await tag("demo")).toBeUndefined();
  mirrors.forgetMisses();
  expect((await tag("demo"))?.digest).toBe(digest);
});

/** A mirror of which an image is deleted each time that it was fetched, so often. */
async function openPruned(times: number) {
  const { store, ...mirror } = await open();
  mirror.upstream.image("demo");
  let left = times;
  const manifest: typeof mirror.mirrors.manifest = async (...args) => {
    const result = await mirror.mirrors.manifest(...args);
    const digest = store.oci.index.tagDigest(APP, DEMO.tag);
    if (digest && left-- > 0) await store.oci.changes.deleteManifest(ALICE, APP, { kind: "digest", digest });
    return result;
  };
  const calls = { ...mirror.mirrors, manifest } as unknown as typeof mirror.mirrors;
  return mirror.storage({ view: new MirrorView(mirror.config, calls) });
}

test("an image that is pruned while it is pulled is fetched again", async () => {
  const storage = await openPruned(2);
  expect(await storage.manifest(APP, DEMO)).toBeDefined();
});

test("an image that is always gone when it is to be served is not unknown to clients", async () => {
  const storage = await openPruned(10);
  await expect(storage.manifest(APP, DEMO)).rejects.toMatchObject({ kind: "away", retryAfterSeconds: 5 });
});
