import { expect, test } from "bun:test";
import { utimesSync } from "node:fs";
import { manifestPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { InstanceStorage } from "../../../../src/backends/oci-http/store/instance-storage.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import type { Logger } from "../../../../src/primitives/logging/logger.ts";
import { SEALED_AT } from "../../../../src/primitives/store/engine/local/local-blobs.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { blobPath } from "../../../support/blob-path.ts";
import { bodyOf } from "../../../support/body-of.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { eventually } from "../../../support/eventually.ts";
import { flipBit } from "../../../support/flipped-bit.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const NAME = "everlock-oci-test" as StoreName;
const repository = "app" as RepositoryName;

/** A store just opened, with an image of one layer that its disk has damaged without changing its time. */
async function openWithDamagedLayer(size: number) {
  const dataDir = temporaryDirectory();
  const warnings: string[] = [];
  const log: Logger = {
    info: () => undefined,
    warn: (line) => void warnings.push(line),
    error: () => undefined,
  };
  const open = () => OciStore.open(localStores(dataDir, log), NAME);
  const before = await open();
  const layer = randomBytes(size);
  const digest = digestOf(layer);
  const place = async (oci: OciStore) => {
    const id = await oci.uploads.create(repository, "sha256");
    const upload = typeof id === "string" ? await oci.uploads.find(id, repository) : undefined;
    if (!upload) throw new Error("no session");
    await oci.uploads.append(upload, bodyOf(layer), true);
    await oci.uploads.finish({ ...upload, size }, digest);
  };
  await place(before);
  const content = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest, size },
      layers: [],
    }),
  );
  await before.store.commit(
    [
      { path: manifestPath(repository, digestOf(content)), content },
      { path: tagPath(repository, "v1" as Tag), content: Buffer.from(`${digestOf(content)}\n`) },
    ],
    { author: { name: "alice", email: "alice@everlock" }, message: "push" },
  );
  const path = blobPath(`${dataDir}/${NAME}`, digest);
  await before.close();
  flipBit(path, size - 1, 0);
  utimesSync(path, SEALED_AT, SEALED_AT);
  const oci = await open();
  afterThisTest(() => oci.close());
  const actor = () => ({
    identity: { name: "alice", email: "alice@everlock" },
    client: "test",
    remote: "::1",
  });
  const storage = new InstanceStorage(oci, actor, { references: "strict", immutable: [] });
  return { oci, storage, digest, warnings, place };
}

test.each([1000, 40_000, 1_000_000])(
  "a damaged blob of %d bytes is detected before it is served",
  async (size) => {
    const { oci, storage, digest, warnings, place } = await openWithDamagedLayer(size);
    expect(await storage.blob(repository, digest)).toBeUndefined();
    expect(warnings).toEqual([
      expect.stringMatching(/is damaged and was set aside; needed by app:v1; a new push/),
    ]);
    await place(oci);
    expect((await storage.blob(repository, digest))?.size).toBe(size);
  },
);

test("a large damaged blob is detected when it is first served, set aside, and reported with the tags that need it", async () => {
  const size = 3_000_000;
  const { oci, storage, digest, warnings, place } = await openWithDamagedLayer(size);
  // What is sent by the kernel can't wait for it; the client finds out by the digest.
  expect((await storage.blob(repository, digest))?.size).toBe(size);
  expect(await eventually(() => warnings.length > 0)).toBe(true);
  expect(warnings).toEqual([
    expect.stringMatching(/is damaged and was set aside; needed by app:v1; a new push/),
  ]);
  expect(await storage.blob(repository, digest)).toBeUndefined();
  await place(oci);
  expect((await storage.blob(repository, digest))?.size).toBe(size);
});
