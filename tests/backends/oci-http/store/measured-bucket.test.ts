import { expect, test } from "bun:test";
import { countBlobs } from "../../../../src/backends/oci-http/policy/count-blobs.ts";
import { InstanceStorage } from "../../../../src/backends/oci-http/store/instance-storage.ts";
import { measureRepositories } from "../../../../src/backends/oci-http/store/measure-repositories.ts";
import { measureStore } from "../../../../src/backends/oci-http/store/measure-store.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { statusOf } from "../../../../src/backends/oci-http/store/store-status.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import type { S3Location } from "../../../../src/primitives/s3/s3-location.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { bodyOf } from "../../../support/body-of.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { ALICE, APP } from "../../../support/oci-store.ts";
import { pushedManifest } from "../../../support/pushed-manifest.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { sharedS3Server } from "../../../support/s3-server.ts";
import { storesOnNode } from "../../../support/s3-stores.ts";
import { describeWith } from "../../../support/tools.ts";

const STORE = "test" as StoreName;
const OTHER = "other" as RepositoryName;
const IMAGES = 10;
const BLOB_BYTES = 1000;

async function openNode(location: S3Location) {
  const node = storesOnNode(location);
  const oci = await OciStore.open(node.stores, STORE);
  afterThisTest(() => oci.close());
  const requestsOf = async <T>(work: () => Promise<T>) => {
    const before = node.client.requests;
    const result = await work();
    return { result, requests: node.client.requests - before };
  };
  return { ...node, oci, requestsOf };
}

type Node = Awaited<ReturnType<typeof openNode>>;

async function pushBlob({ oci }: Node, repository: RepositoryName) {
  const bytes = randomBytes(BLOB_BYTES);
  const digest = digestOf(bytes);
  // The engine frees the buffer of what it has read.
  const size = bytes.length;
  const storage = new InstanceStorage(oci, () => ALICE, { references: "strict", immutable: [] });
  const session = await storage.startUpload(repository, "sha256");
  if (typeof session !== "string") throw new Error(session.reason);
  const chunk = { body: bodyOf(bytes), range: undefined, length: size };
  expect((await storage.finishUpload(repository, session, chunk, digest)).kind).toBe("stored");
  return { mediaType: "application/octet-stream", digest, size };
}

/** Images with a config of their own and a layer that all share. */
async function pushImages(node: Node) {
  const layer = await pushBlob(node, APP);
  for (let i = 0; i < IMAGES; i++) {
    const config = await pushBlob(node, APP);
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
    const commit = { ...pushedManifest(content), tags: [`v${i}` as Tag], immutable: [] };
    for (const repository of i === 0 ? [APP, OTHER] : [APP])
      await node.oci.changes.putManifest(ALICE, { repository, ...commit });
  }
}

describeWith(["versitygw"], "a node that measures what is in a bucket", () => {
  const bucket = sharedS3Server();

  test("asks the object store for no size that a manifest states", async () => {
    const location = bucket();
    await pushImages(await openNode(location));
    const { oci, requestsOf } = await openNode(location);

    const repositories = await requestsOf(() => measureRepositories(oci.blobs, oci.index));
    expect(repositories.requests).toBe(0);
    expect(repositories.result).toMatchObject([
      { repository: APP, ownBytes: (IMAGES - 1) * BLOB_BYTES, sharedBytes: 2 * BLOB_BYTES },
      { repository: OTHER, ownBytes: 0, sharedBytes: 2 * BLOB_BYTES },
    ]);
    const counted = await requestsOf(() => countBlobs(oci, APP));
    expect(counted).toMatchObject({ requests: 0, result: { bytes: (IMAGES + 1) * BLOB_BYTES } });

    // One blob that no manifest names yet.
    await pushBlob(await openNode(location), APP);
    await oci.refresh();
    expect((await requestsOf(() => countBlobs(oci, APP))).requests).toBeLessThanOrEqual(2);

    const statistics = await requestsOf(() => measureStore(oci));
    expect(statistics.result).toMatchObject({
      blobs: IMAGES + 2,
      storedBytes: (IMAGES + 2) * BLOB_BYTES,
      savedBytes: (IMAGES + 1) * BLOB_BYTES,
    });
    expect([...statistics.result.addedBytes.values()].reduce((sum, bytes) => sum + bytes, 0)).toBe(
      (IMAGES + 2) * BLOB_BYTES,
    );
    // Lists of sessions, blobs by algorithm, and data; the lease; the count of an earlier run, and of this one.
    expect(statistics.requests).toBeLessThanOrEqual(12);
  });

  test("lists the uploads once within the time that an answer may be old", async () => {
    const { oci, requestsOf } = await openNode(bucket());
    await oci.sizes.first();
    for (let i = 0; i < 5; i++) await oci.uploads.create(APP, "sha256");
    expect((await statusOf(oci, 30_000)).uploads).toBe(5);
    const repeated = await requestsOf(async () => [
      await statusOf(oci, 30_000),
      await oci.uploads.list(5000),
    ]);
    expect(repeated.requests).toBe(0);
    await oci.uploads.create(APP, "sha256");
    expect(await statusOf(oci)).toMatchObject({ uploads: 6 });
  });

  test("leaves expired uploads to the node that has begun to remove them", async () => {
    const location = bucket();
    const [one, other] = [await openNode(location), await openNode(location)];
    const once = { onceInMs: 60_000 };
    const both = await Promise.all(
      [one, other].map(({ oci, requestsOf }) => requestsOf(() => oci.expireUploads(once))),
    );
    // The other one asks who has begun, tries to write that it does, and looks what became of that.
    expect(Math.min(...both.map(({ requests }) => requests))).toBeLessThanOrEqual(3);
    expect((await one.requestsOf(() => one.oci.expireUploads(once))).requests).toBe(1);
    expect((await one.requestsOf(() => one.oci.expireUploads())).requests).toBeGreaterThan(1);
  });
});
