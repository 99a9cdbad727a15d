import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { parseImageName } from "../../../../src/backends/oci-http/import/sources/image-names.ts";
import { openFileSource } from "../../../../src/backends/oci-http/import/sources/open-source.ts";
import { digestHex, digestOf } from "../../../../src/primitives/digest.ts";
import { layoutFiles, makeImage, makeIndex, writeDated } from "../../../support/image-files.ts";
import { TestStore } from "../../../support/oci-store.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { commitsOf, holdsImage, importFrom, tagIn } from "./importing.ts";

const THEN = 1_710_000_000;

function writeFiles(root: string, files: ReadonlyMap<string, Uint8Array>, seconds = THEN): void {
  for (const [path, content] of files) writeDated(`${root}/${path}`, content, seconds);
}

/** Packs a directory with the tar of the system. */
function pack(directory: string, format: "pax" | "gnu" | "ustar" = "gnu"): string {
  const archive = `${temporaryDirectory()}/archive.tar`;
  const { exitCode } = Bun.spawnSync(["tar", `--format=${format}`, "-cf", archive, "-C", directory, "."]);
  if (exitCode !== 0) throw new Error("tar failed");
  return archive;
}

test("zot's directory is imported: a layout for each repository, tags, manifests without one, signatures", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const [image, index, loose] = [makeImage(), makeIndex([makeImage(), makeImage()]), makeImage()];
  const signature = makeImage({ subject: image });
  const named = [
    { name: "v1", image },
    { name: "latest", image },
    { name: "multi", image: index },
    ...index.children.map((child) => ({ name: undefined, image: child })),
    { name: undefined, image: signature },
    { name: undefined, image: loose },
  ];
  writeFiles(`${root}/team/app`, layoutFiles(named));
  writeFiles(`${root}/other`, layoutFiles([{ name: "v2", image: loose }]), THEN - 10);
  // What zot keeps beside its repositories.
  writeDated(`${root}/cache.db`, "bolt", THEN);
  writeDated(`${root}/_trivy/db/metadata.json`, "{}", THEN);
  mkdirSync(`${root}/team/app/.uploads`);
  expect(await importFrom(store, root)).toMatchObject({ tags: 4, untaken: [] });
  for (const [repository, each] of [
    ["team/app", image],
    ["team/app", index],
    ["other", loose],
  ] as const)
    expect(await holdsImage(store, repository, each)).toBe(true);
  expect(await holdsImage(store, "team/app", signature)).toBe(true);
  expect(await holdsImage(store, "team/app", loose)).toBe(true);
  expect((await commitsOf(store))[0]).toEqual(["import other:v2", THEN - 10]);
  expect(await importFrom(store, root)).toMatchObject({ tags: 0, manifests: 0, bytes: 0 });
});

test("a blob that zot keeps in another repository alone is found there", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const layers = [randomBytes(5000)];
  const [first, second] = [makeImage({ layers }), makeImage({ layers })];
  writeFiles(`${root}/a`, layoutFiles([{ name: "v1", image: first }]));
  writeFiles(`${root}/b`, layoutFiles([{ name: "v1", image: second }]));
  for (const bytes of layers) writeFileSync(`${root}/b/blobs/sha256/${digestHex(digestOf(bytes))}`, "");
  expect(await importFrom(store, root, { repositories: ["b"] })).toMatchObject({ tags: 1, untaken: [] });
  expect(await holdsImage(store, "b", second)).toBe(true);
});

test("an index that zot is just writing is read again, and one that stays invalid is named", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const image = makeImage();
  for (const name of ["now", "never"]) writeFiles(`${root}/${name}`, layoutFiles([{ name: "v1", image }]));
  const whole = layoutFiles([{ name: "v1", image }]).get("index.json") ?? "";
  for (const name of ["now", "never"]) writeFileSync(`${root}/${name}/index.json`, whole.slice(0, 40));
  setTimeout(() => writeFileSync(`${root}/now/index.json`, whole), 30);
  const { tags, untaken } = await importFrom(store, root);
  expect(tags).toBe(1);
  expect(untaken).toEqual([{ what: "never", reason: expect.stringContaining("its index.json is invalid") }]);
});

test.each(["directory", "gnu", "pax", "ustar"] as const)(
  "an OCI layout is imported from a %s, by the names in its index",
  async (kind) => {
    const store = await TestStore.open();
    const root = temporaryDirectory();
    const images = [makeImage(), makeImage(), makeImage({ created: "2023-05-06T07:08:09Z" })];
    const names = ["v1", "registry.example.org:5000/team/app:v2", "tool:v3"];
    const named = images.map((image, i) => ({ name: names[i], image }));
    writeFiles(root, layoutFiles([...named, { name: "Not A Name", image: images[0] ?? makeImage() }]));
    const place = kind === "directory" ? root : pack(root, kind);
    const { tags, untaken } = await importFrom(store, place, { unnamed: "given" });
    expect({ tags, untaken }).toEqual({
      tags: 3,
      untaken: [{ what: "Not A Name", reason: "it is no valid name of an image" }],
    });
    for (const [i, [repository, tag]] of [
      ["given", "v1"],
      ["team/app", "v2"],
      ["tool", "v3"],
    ].entries()) {
      expect(tagIn(store, repository ?? "", tag ?? "")).toBe(images[i]?.digest);
      expect(await holdsImage(store, repository ?? "", images[i] ?? makeImage())).toBe(true);
    }
    expect((await commitsOf(store)).map(([, seconds]) => seconds)).toEqual([THEN, THEN, THEN]);
  },
);

test("--repository stands for the only repository that a layout names, and not for several", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const [first, second] = [makeImage(), makeImage()];
  const layout = (...names: readonly string[]) =>
    layoutFiles(names.map((name, i) => ({ name, image: i === 0 ? first : second })));
  writeFiles(`${root}/one`, layout("localhost/app:v1", "localhost/app:v2"));
  expect(await importFrom(store, `${root}/one`, { unnamed: "given" })).toMatchObject({
    tags: 2,
    untaken: [],
  });
  expect([tagIn(store, "given", "v1"), tagIn(store, "given", "v2")]).toEqual([first.digest, second.digest]);
  expect(tagIn(store, "app", "v1")).toBeUndefined();
  writeFiles(`${root}/two`, layout("localhost/app:v1", "localhost/tool:v1"));
  await expect(importFrom(store, `${root}/two`, { unnamed: "other" })).rejects.toThrow(
    "names 2 repositories (app, tool), and 'other' can't stand for all of them: leave out --repository",
  );
});

test.each([
  [
    "docker://localhost:5000/team/app:v1",
    "as in 'everlock import https://localhost:5000 --repositories team/app:v1'",
  ],
  ["quay.io/team/app", "as in 'everlock import https://quay.io --repositories team/app'"],
  ["localhost:5000", "as in 'everlock import https://localhost:5000'"],
  ["htp://localhost:5000", "'htp://localhost:5000' is no URL of a registry"],
  ["s3://alice:s3cret@bucket", "'s3://…@bucket' is neither a path nor a URL"],
  ["oci:images:v1", "as in 'everlock import images:v1'"],
  ["images", "there is no /"],
])("the source %s, which is none, is answered with what would be one", async (place, words) => {
  const error = await openFileSource(place, undefined).catch((reason: Error) => reason);
  expect(String(error)).toContain(words);
});

test("an image with a tag alone needs the name of a repository", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  writeFiles(root, layoutFiles([{ name: "v1", image: makeImage() }]));
  expect((await importFrom(store, root)).untaken).toEqual([
    { what: "v1", reason: "it has no repository's name; --repository <name> gives it one" },
  ]);
});

test("what 'docker save' wrote is imported as a manifest that is the same each time, dated as the image was built", async () => {
  const store = await TestStore.open();
  const root = temporaryDirectory();
  const layers = [randomBytes(3000), randomBytes(4000)];
  const diffIds = layers.map((bytes) => digestOf(bytes));
  const config = Buffer.from(
    JSON.stringify({ created: "2023-05-06T07:08:09Z", rootfs: { type: "layers", diff_ids: diffIds } }),
  );
  const configName = `${digestHex(digestOf(config))}.json`;
  writeDated(`${root}/${configName}`, config, 0);
  for (const [i, bytes] of layers.entries()) writeDated(`${root}/layer${i}/layer.tar`, bytes, 0);
  const RepoTags = ["app:v1", "localhost:5000/team/tool:v2"];
  const list = [{ Config: configName, RepoTags, Layers: ["layer0/layer.tar", "layer1/layer.tar"] }];
  writeDated(`${root}/manifest.json`, JSON.stringify(list), 0);
  const archive = pack(root);
  expect(await importFrom(store, archive)).toMatchObject({ tags: 2, untaken: [] });
  expect(tagIn(store, "team/tool", "v2")).toBe(tagIn(store, "app", "v1") ?? digestOf(config));
  const built = Date.UTC(2023, 4, 6, 7, 8, 9) / 1000;
  expect(await commitsOf(store)).toEqual([
    ["import app:v1", built],
    ["import team/tool:v2", built],
  ]);
  for (const digest of diffIds) expect(await store.oci.blobs.check(digest)).toBe("sound");
  expect(await importFrom(store, archive)).toMatchObject({ tags: 0, manifests: 0, bytes: 0 });
});

test("an archive that is compressed, cut off, or none is refused with what is wrong", async () => {
  const root = temporaryDirectory();
  writeFiles(root, layoutFiles([{ name: "v1", image: makeImage() }]));
  const whole = await Bun.file(pack(root)).bytes();
  const refusal = async (bytes: Uint8Array): Promise<string> => {
    const path = `${root}/archive`;
    writeFileSync(path, bytes);
    return openFileSource(path, undefined).then(
      () => "none",
      (error: Error) => error.message.replace(path, "it"),
    );
  };
  expect(await refusal(Bun.gzipSync(whole))).toBe("it is compressed; unpack it first, as 'gunzip' does");
  expect(await refusal(Buffer.concat([Buffer.from("\xfd7zXZ\0", "latin1"), randomBytes(1000)]))).toBe(
    "it is compressed; unpack it first, as 'unxz' does",
  );
  expect(await refusal(whole.slice(0, 700))).toBe("the archive it is cut off: its end is missing");
  expect(await refusal(randomBytes(5000))).toBe("it is no tar archive");
  expect(await refusal(whole.slice(0, 1024 * 3))).toMatch(/cut off|neither/);
  expect(openFileSource(`${root}/none`, undefined)).rejects.toThrow(`there is no ${root}/none`);
  writeFiles(`${root}/dir`, new Map([["manifest.json", Buffer.from("{}")]]));
  await expect(openFileSource(`${root}/dir`, undefined)).rejects.toThrow(
    "is what skopeo writes to 'dir:'; copy it to an OCI layout first",
  );
  const open = (place: string) => openFileSource(place, undefined);
  await expect(open("oci-archive:/no/such.tar")).rejects.toThrow("as in 'everlock import /no/such.tar'");
  await expect(open("registry.example.org:5000")).rejects.toThrow("begins with https:// or http://");
  expect(openFileSource(temporaryDirectory(), undefined)).rejects.toThrow("is neither the directory of");
});

test("names of images are read without their host", () => {
  const read = (text: string) => {
    const { repository, tag } = parseImageName(text) ?? {};
    return `${repository} ${tag}`;
  };
  expect(read("v1")).toBe("undefined v1");
  expect(read("alpine:3.20")).toBe("alpine 3.20");
  expect(read("docker.io/library/alpine:3.20")).toBe("library/alpine 3.20");
  expect(read("localhost:5000/a/b:v1")).toBe("a/b v1");
  expect(read("localhost/a:v1")).toBe("a v1");
  expect(read("team/app")).toBe("team/app undefined");
  expect(read(`team/app:v1@sha256:${"a".repeat(64)}`)).toBe("team/app v1");
  expect(read("No Name")).toBe("undefined undefined");
});
