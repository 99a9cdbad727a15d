import { expect, test } from "bun:test";
import { InstanceStorage } from "../../../../src/backends/oci-http/store/instance-storage.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { collectGarbage } from "../../../../src/backends/oci-http/upkeep/garbage.ts";
import { checkOciStore } from "../../../../src/backends/oci-http/upkeep/store-check.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { StoreManager, type StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { bodyOf } from "../../../support/body-of.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { MemoryEngine } from "../../../support/memory-engine/memory-engine.ts";
import { ALICE, APP, jobRun } from "../../../support/oci-store.ts";
import { pushedManifest } from "../../../support/pushed-manifest.ts";
import { randomBytes } from "../../../support/random-bytes.ts";

async function open() {
  const engine = new MemoryEngine(new Map());
  // Where another thread would look for it; there is none.
  const location = { kind: "local", dataDir: engine.derivedDirectory() } as const;
  const stores = new StoreManager(location, engine, consoleLogger);
  const oci = await OciStore.open(stores, "test" as StoreName);
  afterThisTest(() => oci.close());
  oci.recency.clear();
  const storage = new InstanceStorage(oci, () => ALICE, { references: "strict", immutable: [] });
  const push = async (bytes: Uint8Array) => {
    const session = await storage.startUpload(APP, "sha256");
    if (typeof session !== "string") throw new Error(session.reason);
    const digest = digestOf(bytes);
    const chunk = { body: bodyOf(bytes), range: undefined, length: bytes.length };
    expect(await storage.finishUpload(APP, session, chunk, digest)).toEqual({ kind: "stored" });
    return digest;
  };
  return { oci, storage, push };
}

test("an engine without files serves a large blob as a stream, whole and in part, and a small one from memory", async () => {
  const { storage, push } = await open();
  const [large, small] = [randomBytes(100_000), randomBytes(100)];
  const blob = await storage.blob(APP, await push(large));
  if (typeof blob?.content !== "function") throw new Error("the blob is no stream");
  expect(blob.size).toBe(large.length);
  expect(await Bun.readableStreamToBytes(blob.content())).toEqual(new Uint8Array(large));
  const part = await Bun.readableStreamToBytes(blob.content({ first: 5, last: 9 }));
  expect(part).toEqual(new Uint8Array(large.slice(5, 10)));
  expect((await storage.blob(APP, await push(small)))?.content).toEqual(new Uint8Array(small));
});

test("an engine without files keeps an image with its tag, its checks and its collections", async () => {
  const { oci, storage, push } = await open();
  const [layer, garbage] = [await push(randomBytes(1000)), await push(randomBytes(1000))];
  const content = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: layer, size: 1000 },
      layers: [],
    }),
  );
  const digest = digestOf(content);
  await oci.changes.putManifest(ALICE, {
    ...pushedManifest(content),
    repository: APP,
    tags: ["v1" as Tag],
    immutable: [],
  });
  const manifest = await storage.manifest(APP, { kind: "tag", tag: "v1" as Tag });
  expect(manifest?.digest).toBe(digest);
  const tomorrow = Date.now() + 24 * 60 * 60 * 1000;
  oci.recency.clear();
  const collected = await collectGarbage(
    oci,
    { graceSeconds: 3600, retentionSeconds: 0 },
    jobRun(),
    tomorrow,
  );
  expect(collected).toMatchObject({ blobs: 1, problems: [] });
  expect([await oci.blobs.stat(garbage), (await oci.blobs.stat(layer))?.size]).toEqual([undefined, 1000]);
  const check = await checkOciStore(oci, { setsAside: true, step: async () => true });
  expect(check).toEqual({ blobs: 1, problems: [] });
});
