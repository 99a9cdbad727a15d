import { expect, test } from "bun:test";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { manifestPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import type { Logger } from "../../../../src/primitives/logging/logger.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { flipBit } from "../../../support/flipped-bit.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const NAME = "everlock-oci-test" as StoreName;
const repository = "app" as RepositoryName;
const [layer, loose] = [digestOf(Buffer.from("layer")), digestOf(Buffer.from("loose"))];
const content = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: layer, size: 5 },
    layers: [],
  }),
);
const digest = digestOf(content);

/** A store with an image, a blob without a manifest, and what it says when it is opened. */
async function closedStore() {
  const dataDir = temporaryDirectory();
  const dir = `${dataDir}/${NAME}`;
  const open = async () => {
    const warnings: string[] = [];
    const log: Logger = {
      info: () => undefined,
      warn: (message) => void warnings.push(message),
      error: (message) => void warnings.push(message),
    };
    return { warnings, oci: await OciStore.open(localStores(dataDir, log), NAME) };
  };
  const { oci } = await open();
  await oci.links.add(repository, layer);
  await oci.links.add("other", loose);
  await oci.store.commit(
    [
      { path: manifestPath(repository, digest), content },
      { path: tagPath(repository, "v1" as Tag), content: Buffer.from(`${digest}\n`) },
    ],
    { author: { name: "alice", email: "alice@everlock" }, message: "push" },
  );
  await oci.history.catchUp();
  await oci.close();
  return { dir, open };
}

test.each(["index.sqlite", "history.sqlite"])(
  "a store opens with %s damaged: it is named and rebuilt",
  async (file) => {
    const { dir, open } = await closedStore();
    for (const damage of [
      () => flipBit(`${dir}/${file}`, 0, 0),
      () => flipBit(`${dir}/${file}`, 4096, 3),
      () => writeFileSync(`${dir}/${file}`, "no database ".repeat(1000)),
    ]) {
      damage();
      const { oci, warnings } = await open();
      await oci.history.catchUp();
      expect(warnings).toEqual([expect.stringContaining(`${file} of the store '${NAME}' is damaged (`)]);
      expect(oci.index.tagDigest(repository, "v1" as Tag)).toBe(digest);
      expect(oci.history.head).toBe(oci.store.head().commitId);
      await oci.close();
    }
  },
);

test("a store opens with damaged links, reports them, and makes those that can't be read from the manifests", async () => {
  const { dir, open } = await closedStore();
  flipBit(`${dir}/links.sqlite`, 0, 0);
  const { oci, warnings } = await open();
  expect(warnings).toEqual([
    `links.sqlite of the store '${NAME}' is damaged (its header is not that of a database); links.damaged.sqlite is a copy of it, and ` +
      "a new one has the 0 links that could be read and those of all manifests: only blobs that were pushed without a manifest may have " +
      "to be pushed again",
  ]);
  expect(await oci.links.has(repository, layer)).toBe(true);
  expect(await oci.links.has("other", loose)).toBe(false);
  await oci.links.add("other", loose);
  await oci.close();
  const again = await open();
  expect(again.warnings).toEqual([]);
  expect(await again.oci.links.has("other", loose)).toBe(true);
  await again.oci.close();
});

test("new links that a killed server left beside the damaged ones replace them", async () => {
  const { dir, open } = await closedStore();
  renameSync(`${dir}/links.sqlite`, `${dir}/links.rebuilt.sqlite`);
  writeFileSync(`${dir}/links.sqlite`, "damaged");
  writeFileSync(`${dir}/index.rebuilt-1.sqlite`, "unfinished");
  writeFileSync(`${dir}/index.rebuilt-1.sqlite-wal`, "unfinished");
  const { oci, warnings } = await open();
  expect(warnings).toEqual([]);
  expect(await oci.links.has("other", loose)).toBe(true);
  for (const name of ["links.rebuilt.sqlite", "index.rebuilt-1.sqlite", "index.rebuilt-1.sqlite-wal"])
    expect(existsSync(`${dir}/${name}`)).toBe(false);
  await oci.close();
});
