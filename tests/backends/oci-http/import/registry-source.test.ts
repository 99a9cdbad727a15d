import { expect, test } from "bun:test";
import { RegistrySource } from "../../../../src/backends/oci-http/import/sources/registry-source.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { brokenOff, FakeUpstream, falsify, type UpstreamImage } from "../../../support/fake-upstream.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { commitsOf, importAll, tagIn } from "./importing.ts";

async function open(upstream = new FakeUpstream()) {
  const waits: [reason: string, ms: number][] = [];
  let reason = "";
  const source = new RegistrySource(upstream, {
    named: [APP],
    pausing: (text) => {
      reason = text;
    },
    sleep: async (ms) => {
      waits.push([reason, ms]);
      upstream.failure = undefined;
    },
  });
  return { upstream, source, waits, store: await TestStore.open() };
}

async function holds({ oci }: TestStore, { digest, config, layer }: UpstreamImage): Promise<boolean> {
  const verdicts = [await oci.blobs.check(config), await oci.blobs.check(layer)];
  return oci.index.manifest(APP, digest) !== undefined && verdicts.every((verdict) => verdict === "sound");
}

test("tags, manifests, blobs and signatures come from a registry; a second import asks for what the tags name alone", async () => {
  const { upstream, source, store } = await open();
  const image = upstream.image("v1");
  const signature = upstream.image("", 100, image.digest);
  expect(await importAll(store, source)).toMatchObject({ tags: 1, manifests: 2, untaken: [], kept: [] });
  expect(await holds(store, image)).toBe(true);
  expect(await holds(store, signature)).toBe(true);
  upstream.asked.length = 0;
  expect(await importAll(store, source)).toMatchObject({ tags: 0, manifests: 0, bytes: 0 });
  expect(upstream.asked.filter((asked) => asked !== "referrers")).toEqual(["tags", "head v1"]);
});

test("of a registry, only the tags are asked for that a pattern selects", async () => {
  const { upstream, source, store } = await open();
  for (const tag of ["v1", "v2", "other"]) upstream.image(tag);
  expect(await importAll(store, source, { repositories: [`${APP}:v*`] })).toMatchObject({ tags: 2 });
  expect(upstream.asked.filter((asked) => asked.startsWith("head"))).toEqual(["head v1", "head v2"]);
});

test("an image that the registry does not date is dated as it says that it was built", async () => {
  const { upstream, source, store } = await open();
  const tagged = (tag: string, created: string) => {
    const config = upstream.blob(Buffer.from(JSON.stringify({ created, salt: crypto.randomUUID() })));
    const layer = upstream.blob(randomBytes(10));
    const describe = (mediaType: string, digest: typeof config) => ({
      mediaType,
      digest,
      size: upstream.blobs.get(digest)?.length,
    });
    const content = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: describe("application/vnd.oci.image.config.v1+json", config),
        layers: [describe("application/vnd.oci.image.layer.v1.tar", layer)],
      }),
    );
    const digest = upstream.blob(content);
    upstream.manifests.set(digest, content);
    upstream.tagged.set(tag, digest);
  };
  tagged("a", "2024-05-06T07:08:09.123Z");
  tagged("b", "2023-05-06T07:08:09Z");
  tagged("z10", "1970-01-01T00:00:00Z");
  tagged("z9", "0001-01-01T00:00:00Z");
  await importAll(store, source);
  const commits = await commitsOf(store);
  expect(commits.map(([subject]) => subject.split(":")[1])).toEqual(["b", "a", "z9", "z10"]);
  expect(commits.slice(0, 2).map(([, seconds]) => new Date(seconds * 1000).toISOString())).toEqual([
    "2023-05-06T07:08:09.000Z",
    "2024-05-06T07:08:09.000Z",
  ]);
});

test("a registry that limits requests is asked again when it says, and one that fails for a moment too", async () => {
  const { upstream, source, waits, store } = await open();
  upstream.image("v1");
  upstream.failure = { kind: "limited", retryAfterMs: 90_000, reason: "too many requests" };
  expect(await importAll(store, source)).toMatchObject({ tags: 1, untaken: [] });
  expect(waits).toEqual([["too many requests; going on in 90 s", 90_000]]);
  upstream.image("v2");
  upstream.failure = { kind: "unavailable", reason: "it is silent" };
  expect(await importAll(store, source)).toMatchObject({ tags: 1, untaken: [] });
  expect(waits.at(-1)).toEqual(["it is silent; trying again", 500]);
});

test("a registry that stays away, or limits for long, ends the import with the reason", async () => {
  const upstream = new FakeUpstream();
  const { store } = await open(upstream);
  const waits: number[] = [];
  const sleep = async (ms: number) => void waits.push(ms);
  const source = new RegistrySource(upstream, { named: [APP], pausing: () => undefined, sleep });
  upstream.failure = { kind: "unavailable", reason: "it refuses the connection" };
  expect(importAll(store, source)).rejects.toThrow("it refuses the connection");
  await importAll(store, source).catch(() => undefined);
  expect(waits.length).toBeLessThan(5);
  upstream.failure = { kind: "limited", retryAfterMs: 6 * 3600 * 1000, reason: "the limit is reached" };
  await expect(importAll(store, source)).rejects.toThrow(
    "the limit is reached; it may be asked again in 21600 s",
  );
});

test("a blob that breaks off is asked for from there on", async () => {
  const { upstream, source, store } = await open();
  const image = upstream.image("v1", 300_000);
  let isBroken = false;
  upstream.step = (offset) => {
    if (offset < 131_072 || isBroken) return;
    isBroken = true;
    brokenOff();
  };
  expect(await importAll(store, source)).toMatchObject({ tags: 1, untaken: [] });
  expect(upstream.count(`blob ${image.layer}@131072`)).toBe(1);
  expect(await holds(store, image)).toBe(true);
});

test("a blob with wrong bytes is refused and nothing of it is kept", async () => {
  const { upstream, source, store } = await open();
  const image = upstream.image("v1");
  falsify(upstream, image.layer);
  const { untaken } = await importAll(store, source);
  expect(untaken).toEqual([
    { what: `${APP}:v1`, reason: `the blob ${image.layer} is damaged there: its bytes are others` },
  ]);
  expect(tagIn(store, APP, "v1")).toBeUndefined();
  expect(await store.oci.blobs.check(image.layer)).toBe("missing");
  expect(await store.oci.uploads.list()).toEqual([]);
});

test("what the registry denies is named, and the rest is imported", async () => {
  const { upstream, store } = await open();
  upstream.image("v1");
  const denied = { kind: "denied", reason: "upstream wants other credentials" } as const;
  const tags = upstream.tags.bind(upstream);
  upstream.tags = async (repository, request) =>
    repository === APP ? tags(repository, request) : (denied as never);
  const named = [APP, "secret" as RepositoryName];
  const worded = (reason: string) => reason.replace("upstream", "it");
  const source = new RegistrySource(upstream, { named, pausing: () => undefined, worded });
  expect(await importAll(store, source)).toMatchObject({
    tags: 1,
    untaken: [{ what: "secret", reason: "it wants other credentials" }],
  });
});

test("a registry that lists no repositories is to be asked for named ones", async () => {
  const { upstream, store } = await open();
  const source = new RegistrySource(upstream, { named: undefined, pausing: () => undefined });
  await expect(importAll(store, source)).rejects.toThrow(
    "https://upstream.test does not list its repositories (it is not there); name them, as in --repositories team/app",
  );
});

test("a registry that denies its list wants a login, or names", async () => {
  const { upstream, store } = await open();
  upstream.repositories = async () => ({ kind: "denied", reason: "it wants credentials" }) as never;
  const source = new RegistrySource(upstream, { named: undefined, pausing: () => undefined });
  await expect(importAll(store, source)).rejects.toThrow(
    "(it wants credentials); use the --login <user> of one who may see the list, or name them, as in --repositories team/app",
  );
});

test("an address with a repository in it is answered with the flag that selects it", async () => {
  const { upstream, store } = await open();
  const client = Object.assign(upstream, { url: "https://upstream.test/team/app" });
  const source = new RegistrySource(client, { named: undefined, pausing: () => undefined });
  await expect(importAll(store, source)).rejects.toThrow(
    "if team/app is a repository, use 'everlock import https://upstream.test --repositories team/app'",
  );
});
