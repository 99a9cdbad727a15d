import { expect, test } from "bun:test";
import { cameTo } from "../../../../src/backends/oci-http/mirror/own-blob.ts";
import { readConfig } from "../../../../src/backends/oci-http/operations/images/image-config.ts";
import type { CheckInterval } from "../../../../src/backends/oci-http/settings/upstream-values.ts";
import { parsePushedManifest } from "../../../../src/registry/model/manifest.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { bytesOf, hasBlob, testMirror } from "../../../support/mirror.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";

const PRIVATE = "private/app" as RepositoryName;
const OTHER = "team/other" as RepositoryName;

async function open(upstreamMode: "mirror" | "fallback" = "mirror") {
  const store = await TestStore.open();
  return { store, ...testMirror(store.oci, { check: "never" as CheckInterval, upstreamMode }) };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** An image of upstream that names a blob of a private repository here, which upstream does not have. */
async function named({ store, upstream, tag }: Opened) {
  const secret = await store.blob("secret", { repository: PRIVATE });
  const own = await store.image("1", { repository: PRIVATE, layers: [secret] });
  const layer = upstream.blob(Buffer.from("secret"));
  const image = upstream.image("evil", 10);
  const content = JSON.parse(Buffer.from(upstream.manifests.get(image.digest) ?? "").toString());
  content.layers = [secret];
  const bytes = Buffer.from(JSON.stringify(content));
  const pushed = parsePushedManifest(bytes);
  if (!("manifest" in pushed)) throw new Error("no manifest");
  const digest =
    `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}` as typeof image.digest;
  upstream.manifests.set(digest, bytes);
  upstream.tagged.set("evil", digest);
  upstream.blobs.delete(layer);
  expect((await tag("evil"))?.digest).toBe(digest);
  return { secret, own, pushed };
}

test("a manifest of upstream that names a blob of another repository does not give access to it", async () => {
  const mirror = await open();
  const { secret } = await named(mirror);
  for (const isHead of [true, false])
    expect(await mirror.storage({ isHead }).blob(APP, secret.digest)).toBeUndefined();
  expect(await bytesOf(await mirror.storage().blob(APP, secret.digest)).catch(String)).toContain(
    "no such blob",
  );
});

test("such a blob can be neither mounted from there nor named by a push there", async () => {
  const mirror = await open("fallback");
  const { secret, pushed } = await named(mirror);
  expect(await mirror.storage().mountBlob(OTHER, secret.digest, APP)).toBe(false);
  const { missing } = await mirror.storage().checkReferences(APP, pushed.manifest, pushed.named);
  expect(missing).toContain(secret.digest);
});

test("the pages do not show such a blob as the configuration of an image", async () => {
  const mirror = await open();
  const { secret } = await named(mirror);
  const { oci } = mirror.store;
  const state = {
    blobs: oci.blobs,
    mayShow: (...of: [RepositoryName, typeof secret.digest]) => cameTo(oci, ...of),
  };
  expect((await readConfig(state, APP, secret.digest)).shown).toBeUndefined();
  expect((await readConfig(state, PRIVATE, secret.digest)).shown).toBeDefined();
});

test("a blob that another repository has brought is not fetched again, and then served without upstream", async () => {
  const { upstream, storage, tag, mirrors, store } = await open();
  const image = upstream.image("demo", 5000);
  await tag("demo");
  await storage().manifest(OTHER, { kind: "tag", tag: "demo" as Tag });
  const bytes = await bytesOf(await storage().blob(APP, image.layer));
  while (mirrors.underWay > 0 || !(await hasBlob(store.oci, image.layer))) await Bun.sleep(1);
  expect(await bytesOf(await storage().blob(OTHER, image.layer))).toEqual(bytes);
  expect(upstream.asked.filter((asked) => asked.includes(image.layer))).toEqual([
    `blob ${image.layer}@0`,
    `head ${image.layer}`,
  ]);
  upstream.failure = { kind: "unavailable", reason: "away" };
  expect(await bytesOf(await storage().blob(OTHER, image.layer))).toEqual(bytes);
});

test("as a fallback, an image that somebody pushed and whose links are gone is served, though others have its layer", async () => {
  const { store, storage } = await open("fallback");
  const layer = await store.blob("base", { repository: OTHER });
  await store.image("1", { repository: OTHER, layers: [layer] });
  await store.image("1", { repository: APP, layers: [layer] });
  expect(await store.oci.links.has(APP, layer.digest)).toBe(false);
  expect(await bytesOf(await storage().blob(APP, layer.digest))).toEqual(new Uint8Array(Buffer.from("base")));
  expect(await store.oci.links.has(APP, layer.digest)).toBe(true);
});

test("HEAD of a blob that is not here asks upstream for its size, and fetches nothing", async () => {
  const { upstream, storage, tag, store, mirrors } = await open();
  const image = upstream.image("demo", 5000);
  await tag("demo");
  expect((await storage({ isHead: true }).blob(APP, image.layer))?.size).toBe(5000);
  expect(mirrors.underWay).toBe(0);
  expect(upstream.count(`head ${image.layer}`)).toBe(1);
  expect(await hasBlob(store.oci, image.layer)).toBe(false);
});

test("that one repository of upstream lacks a blob says nothing about another that has it", async () => {
  const { upstream, storage, tag } = await open();
  const image = upstream.image("demo", 5000);
  upstream.lacking.set(image.layer, OTHER);
  await tag("demo");
  await storage().manifest(OTHER, { kind: "tag", tag: "demo" as Tag });
  expect(await storage().blob(OTHER, image.layer)).toBeUndefined();
  expect((await storage().blob(APP, image.layer))?.size).toBe(5000);
});

test("a client of one repository does not get the bytes that are being fetched for another", async () => {
  const { upstream, storage, tag } = await open();
  const image = upstream.image("demo", 500_000);
  upstream.lacking.set(image.layer, OTHER);
  await tag("demo");
  await storage().manifest(OTHER, { kind: "tag", tag: "demo" as Tag });
  const rest = Promise.withResolvers<void>();
  upstream.step = (at) => (at > 100_000 ? rest.promise : undefined);
  const blob = await storage().blob(APP, image.layer);
  expect(await storage().blob(OTHER, image.layer)).toBeUndefined();
  rest.resolve();
  expect((await bytesOf(blob)).length).toBe(500_000);
});

test("the end of a fetch whose store is closed is no error in the log", async () => {
  const { upstream, storage, tag, store, mirrors, logged } = await open();
  const image = upstream.image("demo", 500_000);
  await tag("demo");
  const rest = Promise.withResolvers<void>();
  upstream.step = (at) => (at > 100_000 ? rest.promise : undefined);
  const closing = new AbortController();
  store.oci.inUse = (work) => work(closing.signal);
  await storage().blob(APP, image.layer);
  closing.abort(new Error("the store is being closed"));
  rest.resolve();
  while (mirrors.underWay > 0) await Bun.sleep(1);
  expect(logged.filter((line) => line.includes("could not keep"))).toEqual([]);
});
