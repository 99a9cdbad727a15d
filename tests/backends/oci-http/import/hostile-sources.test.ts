import { expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { openFileSource } from "../../../../src/backends/oci-http/import/sources/open-source.ts";
import { RegistrySource } from "../../../../src/backends/oci-http/import/sources/registry-source.ts";
import { digestHex, digestOf } from "../../../../src/primitives/digest.ts";
import { FakeUpstream } from "../../../support/fake-upstream.ts";
import {
  DistributionFiles,
  layoutFiles,
  makeImage,
  makeIndex,
  writeDated,
} from "../../../support/image-files.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { importAll, importFrom, tagIn } from "./importing.ts";

const THEN = 1_710_000_000;

/** A tar header of a file, whose size is written as the text. */
function tarHeader(size: string): Uint8Array {
  const header = new Uint8Array(512);
  const put = (at: number, text: string) => header.set(Buffer.from(text), at);
  put(0, "file");
  put(124, size);
  put(148, " ".repeat(8));
  put(
    148,
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
  );
  return header;
}

test.each(["-0001000", "-1"])("an archive with a file of %p bytes is refused", async (size) => {
  const path = `${temporaryDirectory()}/archive.tar`;
  writeFileSync(path, Buffer.concat([tarHeader(size), new Uint8Array(2048)]));
  await expect(openFileSource(path, undefined)).rejects.toThrow(/is damaged: it has a file of -[0-9]+ bytes/);
});

test("an entry of an index.json that is no manifest is named, and the others are imported", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const image = makeImage();
  const entry = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
  const annotations = { "org.opencontainers.image.ref.name": "v1" };
  const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest: image.digest, size: 1 };
  for (const [path, content] of layoutFiles([{ name: "v1", image }]))
    writeDated(`${root}/app/${path}`, content, THEN);
  const manifests = [{ ...entry, digest: "sha256:zz" }, config, { ...entry, annotations }];
  writeFileSync(`${root}/app/index.json`, JSON.stringify({ schemaVersion: 2, manifests }));
  const untaken = [
    "its index.json is invalid: manifests[0].digest is not a sha256 or sha512 digest",
    "manifests[1] of its index.json is 'application/vnd.oci.image.config.v1+json', which is no manifest",
  ];
  expect(await importFrom(store, root)).toMatchObject({
    tags: 1,
    untaken: untaken.map((reason) => ({ what: "app", reason })),
  });
  expect(await importFrom(store, `${root}/app`, { unnamed: "app" })).toMatchObject({
    untaken: untaken.map((reason) => ({ what: `${root}/app`, reason })),
  });
});

test("what of a directory can't be read is named, and the rest is imported", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const [good, bad] = [makeImage(), makeImage()];
  const blob = [...bad.blobs.keys()][1] ?? bad.digest;
  for (const [name, image] of [
    ["good", good],
    ["bad", bad],
  ] as const)
    for (const [path, content] of layoutFiles([{ name: "v1", image }]))
      writeDated(`${root}/${name}/${path}`, content, THEN);
  const loop = (path: string) => {
    rmSync(path, { force: true });
    symlinkSync(path, path);
  };
  mkdirSync(`${root}/loops`);
  loop(`${root}/loops/index.json`);
  loop(`${root}/bad/blobs/sha256/${digestHex(blob)}`);
  const there = new DistributionFiles(`${temporaryDirectory()}/registry`);
  there.push("good", "v1", good, THEN);
  there.push("bad", "v1", bad, THEN);
  loop(there.blobPath(blob));
  const { untaken, tags } = await importFrom(store, root, { prefix: "zot/" });
  expect({ tags, what: untaken.map(({ what }) => what) }).toEqual({ tags: 1, what: ["loops", "bad:v1"] });
  for (const { reason } of untaken) expect(reason).toContain("can't be read: ELOOP");
  expect(await importFrom(store, there.root, { prefix: "distribution/" })).toMatchObject({
    tags: 1,
    untaken: [{ what: "bad:v1", reason: expect.stringContaining("can't be read: ELOOP") }],
  });
});

test("a pipe or device in place of a manifest is not read", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const image = makeImage();
  for (const [path, content] of layoutFiles([{ name: "v1", image }]))
    writeDated(`${root}/${path}`, content, THEN);
  const path = `${root}/blobs/sha256/${digestHex(image.digest)}`;
  rmSync(path);
  symlinkSync("/dev/zero", path);
  expect((await importFrom(store, root, { unnamed: "app" })).untaken).toEqual([
    { what: "app:v1", reason: `${path} is no regular file` },
  ]);
});

test("the platforms of an index that many tags name are looked at and stored once", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const lost = makeImage();
  const [whole, lacking] = [makeIndex([makeImage(), makeImage()]), makeIndex([makeImage(), lost])];
  const named = (image: typeof whole, prefix: string) =>
    Array.from({ length: 20 }, (_, i) => ({ name: `${prefix}${i}`, image }));
  const files = layoutFiles([...named(whole, "whole"), ...named(lacking, "lacking")]);
  for (const [path, content] of files)
    if (!path.endsWith(digestHex(lost.digest))) writeDated(`${root}/app/${path}`, content, THEN);
  let lookUps = 0;
  const around: NonNullable<Parameters<typeof importFrom>[2]>["around"] = (target) => ({
    repository: (...args) => target.repository(...args),
    lastSet: (...args) => target.lastSet(...args),
    manifests: (...args) => {
      lookUps++;
      return target.manifests(...args);
    },
    findBlob: (...args) => target.findBlob(...args),
    putBlob: (...args) => target.putBlob(...args),
    putManifest: (...args) => target.putManifest(...args),
  });
  const tally = await importFrom(store, root, { around });
  expect({ tags: tally.tags, manifests: tally.manifests, untaken: tally.untaken.length }).toEqual({
    tags: 20,
    manifests: 4,
    untaken: 20,
  });
  expect(lookUps).toBeLessThan(10);
});

test("a registry whose list of tags does not end is left with the reason", async () => {
  const upstream = new FakeUpstream();
  const store = await TestStore.open();
  upstream.image("v1");
  const tags = upstream.tags.bind(upstream);
  upstream.tags = async (...args) =>
    ({ ...(await tags(...args)), next: `/again?${crypto.randomUUID()}` }) as never;
  const source = new RegistrySource(upstream, { named: [APP], pausing: () => undefined });
  expect((await importAll(store, source)).untaken).toEqual([{ what: APP, reason: "its list does not end" }]);
  expect(upstream.count("tags")).toBeLessThan(200);
});

test("referrers that refer to each other without an end are left out and named, and so are those that can't be listed", async () => {
  const upstream = new FakeUpstream();
  const store = await TestStore.open();
  const { digest } = upstream.image("v1");
  let subject = digest;
  for (let i = 0; i < 30; i++) subject = upstream.image("", 10, subject).digest;
  const source = () => new RegistrySource(upstream, { named: [APP], pausing: () => undefined });
  const { tags, manifests, untaken } = await importAll(store, source());
  expect({ tags, untaken }).toEqual({
    tags: 1,
    untaken: [
      {
        what: APP,
        reason: "what refers to its manifests is referred to in turn, more than 16 times",
      },
    ],
  });
  expect(manifests).toBe(17);
  upstream.referrers = async () => ({ kind: "denied", reason: "it answers 403" }) as never;
  expect((await importAll(store, source())).untaken).toEqual([
    {
      what: APP,
      reason: "what refers to 1 manifest of it can't be listed, such as signatures: it answers 403",
    },
  ]);
  expect(tagIn(store, APP, "v1")).toBe(digest);
});

test("a layer that several images share counts once in the progress", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const layer = crypto.getRandomValues(new Uint8Array(20_000));
  const there = new DistributionFiles(root);
  for (let i = 0; i < 5; i++) there.push("app", `v${i}`, makeImage({ layers: [layer] }), THEN + i);
  let [copied, found] = [0, 0];
  const watch = {
    copied(bytes: number) {
      copied += bytes;
    },
    found(bytes: number) {
      found += bytes;
    },
  };
  const { bytes } = await importFrom(store, root, { watch });
  expect({ copied, found }).toEqual({ copied: bytes, found: 0 });
  for (let i = 0; i < 5; i++) there.push("app", `w${i}`, makeImage({ layers: [layer] }), THEN + i);
  [copied, found] = [0, 0];
  await importFrom(store, root, { watch });
  expect(found).toBe(20_000);
  expect(await store.oci.blobs.check(digestOf(layer))).toBe("sound");
});
