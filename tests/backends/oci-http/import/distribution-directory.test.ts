import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import type { ImportTarget } from "../../../../src/backends/oci-http/import/target/import-target.ts";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { DistributionFiles, makeImage, makeIndex } from "../../../support/image-files.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { commitsOf, holdsImage, importFrom, tagIn } from "./importing.ts";

/** In 2024. */
const THEN = 1_710_000_000;

async function open() {
  return { store: await TestStore.open(), there: new DistributionFiles(temporaryDirectory()) };
}

test("an import takes each tag, manifest and blob of distribution's directory, the oldest first and dated as there", async () => {
  const { store, there } = await open();
  const [young, old, index] = [makeImage(), makeImage(), makeIndex([makeImage(), makeImage()])];
  there.push("team/app", "young", young, THEN + 50);
  there.push("other", "old", old, THEN);
  there.push("team/app", "index", index, THEN + 20);
  expect(await importFrom(store, there.root)).toMatchObject({ tags: 3, manifests: 5, untaken: [], kept: [] });
  for (const [repository, image] of [
    ["team/app", young],
    ["other", old],
    ["team/app", index],
  ] as const)
    expect(await holdsImage(store, repository, image)).toBe(true);
  expect(tagIn(store, "team/app", "index")).toBe(index.digest);
  const [first, ...rest] = await commitsOf(store);
  expect(first).toEqual(["import other:old", THEN]);
  expect(rest.at(-2)).toEqual(["import team/app:index", THEN + 20]);
  expect(rest.at(-1)).toEqual(["import team/app:young", THEN + 50]);
});

test("a second import copies nothing, and a third one only what was pushed there since", async () => {
  const { store, there } = await open();
  there.push("app", "v1", makeImage(), THEN);
  there.push("app", undefined, makeImage(), THEN);
  await importFrom(store, there.root);
  const { commitId } = store.oci.store.head();
  expect(await importFrom(store, there.root)).toMatchObject({ tags: 0, manifests: 0, bytes: 0 });
  expect(store.oci.store.head().commitId).toBe(commitId);
  const moved = makeImage();
  there.push("app", "v1", moved, THEN + 100);
  expect(await importFrom(store, there.root)).toMatchObject({ tags: 1, manifests: 1 });
  expect(tagIn(store, "app", "v1")).toBe(moved.digest);
});

test("what a tag named there before becomes commits too, as far as its manifests are still there", async () => {
  const { store, there } = await open();
  const [first, second, third] = [makeImage(), makeImage(), makeImage()];
  for (const [i, image] of [first, second, third].entries()) there.push("app", "latest", image, THEN + i);
  const path = second.digest.replace(":", "/");
  rmSync(`${there.root}/docker/registry/v2/repositories/app/_manifests/revisions/${path}/link`);
  expect(await importFrom(store, there.root)).toMatchObject({ tags: 2, untaken: [] });
  expect(await commitsOf(store)).toEqual([
    ["import app:latest", THEN],
    ["import app:latest", THEN + 2],
  ]);
  expect(tagIn(store, "app", "latest")).toBe(third.digest);
});

test("a blob that several repositories share is copied once", async () => {
  const { store, there } = await open();
  const layers = [randomBytes(100_000)];
  for (const name of ["a", "b", "c"]) there.push(name, "v1", makeImage({ layers }), THEN);
  const { bytes } = await importFrom(store, there.root);
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(200_000);
});

test("a tag that was set here later than there stays, and one that was deleted here does not come back", async () => {
  const { store, there } = await open();
  there.push(APP, "set", makeImage(), THEN);
  there.push(APP, "gone", makeImage(), THEN);
  await importFrom(store, there.root);
  const { digest } = await store.image("set");
  await store.delete("gone");
  const { tags, kept, untaken } = await importFrom(store, there.root);
  expect({ tags, untaken }).toEqual({ tags: 0, untaken: [] });
  expect(kept).toEqual([
    { what: `${APP}:gone`, reason: "it was deleted here" },
    { what: `${APP}:set`, reason: "it was set here, and later than there" },
  ]);
  expect(tagIn(store, APP, "set")).toBe(digest);
  const pushed = makeImage();
  const soon = Math.floor(Date.now() / 1000) + 60;
  for (const tag of ["set", "gone"]) there.push(APP, tag, pushed, soon);
  expect(await importFrom(store, there.root)).toMatchObject({ tags: 2, kept: [] });
});

test("a manifest without a tag that was deleted here does not come back", async () => {
  const { store, there } = await open();
  const image = makeImage();
  there.push(APP, undefined, image, THEN);
  await importFrom(store, there.root);
  await store.delete({ digest: image.digest, mediaType: "", size: 0 });
  expect(await importFrom(store, there.root)).toMatchObject({ manifests: 0 });
});

test("damaged and missing content is named, and everything else is imported", async () => {
  const { store, there } = await open();
  const [good, lost, broken, half] = [makeImage(), makeImage(), makeImage(), makeImage()];
  for (const [tag, image] of Object.entries({ good, lost, broken, half }))
    there.push("app", tag, image, THEN);
  const blobOf = ({ blobs }: typeof good) => [...blobs.keys()][1] ?? raise();
  rmSync(there.blobPath(blobOf(lost)));
  writeFileSync(there.blobPath(blobOf(broken)), randomBytes(2000));
  writeFileSync(there.blobPath(half.digest), half.manifest.slice(0, 50));
  const { tags, untaken } = await importFrom(store, there.root);
  expect(tags).toBe(1);
  expect(await holdsImage(store, "app", good)).toBe(true);
  expect(Object.fromEntries(untaken.map(({ what, reason }) => [what, reason]))).toEqual({
    "app:lost": `the blob ${blobOf(lost)} is missing there`,
    "app:broken": `the blob ${blobOf(broken)} is damaged there: its bytes are others`,
    "app:half": expect.stringContaining("its manifest is damaged"),
  });
  expect(await store.oci.uploads.list()).toEqual([]);
});

test("an index of which a platform is missing is imported only where references are sparse", async () => {
  const { store, there } = await open();
  const [amd, arm] = [makeImage(), makeImage()];
  there.push("app", "v1", makeIndex([amd, arm]), THEN);
  const path = arm.digest.replace(":", "/");
  rmSync(`${there.root}/docker/registry/v2/repositories/app/_manifests/revisions/${path}/link`);
  const strict = await importFrom(store, there.root);
  expect(strict.untaken).toEqual([
    {
      what: "app:v1",
      reason: `it names ${arm.digest}, which is missing; a registry with references=sparse accepts it`,
    },
  ]);
  const sparse = await importFrom(store, there.root, { settings: { references: "sparse" } });
  expect(sparse).toMatchObject({ tags: 1, untaken: [] });
});

test("patterns select repositories and tags, and a prefix is put before the names", async () => {
  const { store, there } = await open();
  for (const name of ["team/app", "team/sub/tool", "other"])
    for (const tag of ["v1", "v2", "nightly"]) there.push(name, tag, makeImage(), THEN);
  there.push("team/app", undefined, makeImage(), THEN);
  const repositories = ["team/app:v*", "team/sub/**"];
  const { tags, manifests } = await importFrom(store, there.root, { repositories, prefix: "old/" });
  expect({ tags, manifests }).toEqual({ tags: 5, manifests: 5 });
  expect(store.tags("old/team/app" as RepositoryName)).toEqual(["v1", "v2"]);
  expect(store.tags("old/team/sub/tool" as RepositoryName)).toEqual(["nightly", "v1", "v2"]);
});

test("a write-once tag and a quota refuse what they refuse of a push", async () => {
  const { store, there } = await open();
  await store.image("v1");
  const soon = Math.floor(Date.now() / 1000) + 60;
  there.push(APP, "v1", makeImage(), soon);
  there.push(APP, "large", makeImage({ layers: [randomBytes(50_000)] }), soon);
  const pattern = parseTagPattern("v*") ?? raise();
  const settings = { immutable: [pattern], repositoryQuota: 20_000 };
  const { tags, untaken } = await importFrom(store, there.root, { settings });
  expect(tags).toBe(0);
  expect(untaken.map(({ what, reason }) => `${what} ${reason}`).sort()).toEqual([
    expect.stringMatching(/^team\/app:large .*quota/),
    expect.stringMatching(/^team\/app:v1 the tag is write-once here, and names sha256:/),
  ]);
  expect(await store.oci.uploads.list()).toEqual([]);
});

test("a tag that is pushed here while the import runs is not overwritten", async () => {
  const { store, there } = await open();
  there.push(APP, "v1", makeImage(), THEN);
  let pushed = "";
  const around = (target: ImportTarget): ImportTarget =>
    intercepted(target, async () => {
      pushed ||= (await store.image("v1")).digest;
    });
  const { untaken } = await importFrom(store, there.root, { around });
  expect(untaken).toEqual([
    { what: `${APP}:v1`, reason: "the tag was changed here meanwhile; run the import again" },
  ]);
  expect(tagIn(store, APP, "v1") as string).toBe(pushed);
});

test("a blob of which a part arrived is continued by the next run", async () => {
  const { store, there } = await open();
  const image = makeImage({ layers: [randomBytes(3_000_000)] });
  there.push(APP, "v1", image, THEN);
  const cut = new Error("killed");
  const around = (target: ImportTarget): ImportTarget => ({
    ...bound(target),
    async putBlob(blob, body) {
      if (blob.size < 3_000_000) return target.putBlob(blob, body);
      await target.putBlob(blob, firstBytes(body, 1_500_000));
      throw cut;
    },
  });
  expect(await importFrom(store, there.root, { around }).catch((error) => error)).toBe(cut);
  expect((await store.oci.uploads.list()).map(({ size }) => size)).toEqual([1_500_000]);
  const { bytes, untaken } = await importFrom(store, there.root);
  expect(untaken).toEqual([]);
  // Perhaps with the config.
  expect(bytes).toBeLessThan(1_501_000);
  expect(await holdsImage(store, APP, image)).toBe(true);
  expect(await store.oci.uploads.list()).toEqual([]);
});

test("a blob of which a part arrived that is damaged is fetched again as a whole", async () => {
  const { store, there } = await open();
  const image = makeImage({ layers: [randomBytes(100_000)] });
  there.push(APP, "v1", image, THEN);
  const layer = [...image.blobs.keys()][1] ?? raise();
  const id = await store.oci.uploads.create(`import:${layer}`, "sha256");
  const upload = typeof id === "string" && (await store.oci.uploads.find(id, `import:${layer}`));
  if (upload) await store.oci.uploads.append(upload, firstBytes(one(randomBytes(40_000)), 40_000));
  const { bytes, untaken } = await importFrom(store, there.root);
  expect(untaken).toEqual([]);
  expect(bytes).toBeGreaterThan(160_000);
  expect(await holdsImage(store, APP, image)).toBe(true);
  expect(await store.oci.uploads.list()).toEqual([]);
});

test("a tag that another import of the same source sets meanwhile is no failure", async () => {
  const { store, there } = await open();
  const image = makeImage();
  there.push(APP, "v1", image, THEN);
  const around = (target: ImportTarget) =>
    intercepted(target, async () => void (await importFrom(store, there.root)));
  expect(await importFrom(store, there.root, { around })).toMatchObject({ untaken: [] });
  expect(tagIn(store, APP, "v1")).toBe(image.digest);
});

test("an import waits for a blob that another one is writing, and does not read it again", async () => {
  const { store, there } = await open();
  const image = makeImage({ layers: [randomBytes(3_000_000)] });
  there.push(APP, "v1", image, THEN);
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: waiting, resolve: waits } = Promise.withResolvers<void>();
  const first = importFrom(store, there.root, {
    around: (target) => ({
      ...bound(target),
      putBlob: (blob, body) =>
        target.putBlob(blob, blob.size < 3_000_000 ? body : held(body, begin, waiting)),
    }),
  });
  await begun;
  const second = importFrom(store, there.root, {
    prefix: "copy/",
    around: (target) => ({
      ...bound(target),
      async findBlob(repository, digest) {
        const state = await target.findBlob(repository, digest);
        if (state.kind === "lacking" && state.isBusy) waits();
        return state;
      },
    }),
  });
  expect(await first).toMatchObject({ tags: 1, untaken: [] });
  const { tags, bytes, untaken } = await second;
  expect({ tags, untaken }).toEqual({ tags: 1, untaken: [] });
  expect(bytes).toBeLessThan(1000);
});

function raise(): never {
  throw new Error("the test is wrong");
}

/** An object with the methods of a class. */
function bound(target: ImportTarget): ImportTarget {
  return {
    repository: (...args) => target.repository(...args),
    lastSet: (...args) => target.lastSet(...args),
    manifests: (...args) => target.manifests(...args),
    findBlob: (...args) => target.findBlob(...args),
    putBlob: (...args) => target.putBlob(...args),
    putManifest: (...args) => target.putManifest(...args),
  };
}

/** Does something before a manifest is stored. */
function intercepted(target: ImportTarget, before: () => Promise<void>): ImportTarget {
  return {
    ...bound(target),
    async putManifest(manifest) {
      await before();
      return target.putManifest(manifest);
    },
  };
}

async function* firstBytes(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of body) {
    const { length } = chunk;
    yield chunk.subarray(0, left);
    left -= length;
    if (left <= 0) return;
  }
}

/** Stops after its first bytes until something else has happened. */
async function* held(
  body: AsyncIterable<Uint8Array>,
  begin: () => void,
  end: Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield chunk;
    begin();
    await end;
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
