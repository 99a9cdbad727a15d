import { expect, test } from "bun:test";
import { manifestPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { OCI_INDEX } from "../../../../src/backends/oci-http/index/oci-index.ts";
import { OciIndexReader } from "../../../../src/backends/oci-http/index/oci-index-reader.ts";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import type { Change } from "../../../../src/primitives/store/commits/tree-edit.ts";
import { DerivedIndex } from "../../../../src/primitives/store/index/derived-index.ts";
import { ScopeClock } from "../../../../src/primitives/store/index/scope-clock.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../../src/registry/model/tag.ts";
import { afterThisTest } from "../../../support/cleanup.ts";

const alpine = "alpine" as RepositoryName;
const busybox = "busybox" as RepositoryName;
const [v1, v2] = ["v1", "v2"].map((text) => parseTag(text)) as [Tag, Tag];
const layer = digestOf(Buffer.from("layer"));

function openIndex(): { readonly index: DerivedIndex; readonly reader: OciIndexReader } {
  const index = DerivedIndex.open(":memory:", OCI_INDEX, new ScopeClock());
  afterThisTest(() => index.close());
  return { index, reader: new OciIndexReader(index.db) };
}

const bytes = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(Buffer.from("{}")), size: 2 },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: layer, size: 5 }],
  }),
);

const pushed = (repository: RepositoryName, digest: Digest): Change => ({
  path: manifestPath(repository, digest),
  content: bytes,
});
const removed = (repository: RepositoryName, digest: Digest): Change => ({
  path: manifestPath(repository, digest),
  content: null,
});
const tagged = (repository: RepositoryName, tag: Tag, digest: Digest): Change => ({
  path: tagPath(repository, tag),
  content: Buffer.from(`${digest}\n`),
});

for (const algorithm of ["sha256", "sha512"] as const) {
  const digest = digestOf(bytes, algorithm);

  test(`a tag is found by its ${algorithm} digest whether its manifest is there before, after, or not at all`, () => {
    const { index, reader } = openIndex();
    index.apply([tagged(alpine, v1, digest), tagged(busybox, v1, digest)]);
    expect(reader.tagsOf(alpine, digest)).toEqual([v1]);
    expect(reader.hasManifest(alpine, digest)).toBe(false);
    index.apply([pushed(alpine, digest), tagged(alpine, v2, digest)]);
    expect(reader.tagsOf(alpine, digest)).toEqual([v1, v2]);
    expect(reader.tagsOf(busybox, digest)).toEqual([v1]);
    expect(reader.tagDigest(alpine, v2)).toBe(digest);
    expect(reader.manifest(alpine, digest)?.digest).toBe(digest);
    expect(reader.manifestsWith(layer, 10)).toEqual([{ repository: alpine, digest, tag: v1 }]);
    const unknown = digestOf(Buffer.from("named by nothing"), algorithm);
    expect(reader.neededOf([unknown, layer])).toEqual(new Set([layer]));
    index.apply([removed(alpine, digest)]);
    expect(reader.tagsOf(alpine, digest)).toEqual([v1, v2]);
    expect(reader.isNeeded(layer)).toBe(false);
    expect(reader.neededOf([unknown, layer])).toEqual(new Set());
  });

  test(`an index holds the same for the same ${algorithm} files, in whichever order they came`, () => {
    const changes = [
      pushed(alpine, digest),
      tagged(alpine, v1, digest),
      tagged(alpine, v2, digestOf(Buffer.from("elsewhere"), algorithm)),
    ];
    const [forth, back, twice] = [openIndex().index, openIndex().index, openIndex().index];
    forth.apply(changes);
    for (const change of changes.toReversed()) back.apply([change]);
    for (const change of [...changes, removed(alpine, digest), ...changes]) twice.apply([change]);
    expect(forth.dump(alpine)).toContain(digest.slice(digest.indexOf(":") + 1).toUpperCase());
    expect(back.dump(alpine)).toBe(forth.dump(alpine));
    expect(twice.dump(alpine)).toBe(forth.dump(alpine));
  });
}

test("a tag that was moved or deleted no longer leads to its old manifest", () => {
  const digest = digestOf(bytes);
  const { index, reader } = openIndex();
  index.apply([pushed(alpine, digest), tagged(alpine, v1, digest)]);
  index.apply([tagged(alpine, v1, digestOf(Buffer.from("another")))]);
  expect(reader.tagsOf(alpine, digest)).toEqual([]);
  index.apply([{ path: tagPath(alpine, v1), content: null }]);
  expect(reader.countTags(alpine)).toBe(0);
});

test("a listing of repositories reads only names within its range, from any name on and in pages of any size", () => {
  const { index, reader } = openIndex();
  const names = ["a", "b", "b-x", "b/1", "b/2", "b/3", "c"] as RepositoryName[];
  index.apply(names.map((name) => pushed(name, digestOf(bytes))));
  const read = (last: string, from: string, before?: string) =>
    [1, 2, 100].map((atOnce) => [...reader.repositoriesAfter(last, atOnce, { from, before })].join(" "));
  const same = (text: string) => [text, text, text];
  expect(read("", "b/", "b0")).toEqual(same("b/1 b/2 b/3"));
  expect(read("b/1", "b/", "b0")).toEqual(same("b/2 b/3"));
  expect(read("a", "b", "b\0")).toEqual(same("b"));
  expect(read("b", "b", "b\0")).toEqual(same(""));
  expect(read("b/2", "")).toEqual(same("b/3 c"));
});
