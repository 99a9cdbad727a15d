import { expect, test } from "bun:test";
import { InstanceStorage } from "../../../../src/backends/oci-http/store/instance-storage.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { collectGarbage } from "../../../../src/backends/oci-http/upkeep/garbage.ts";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import type { S3Location } from "../../../../src/primitives/s3/s3-location.ts";
import type { S3Request } from "../../../../src/primitives/s3/s3-request.ts";
import { MIN_GRACE_SECONDS } from "../../../../src/primitives/store/engine/s3/content/blob-touches.ts";
import { S3Engine } from "../../../../src/primitives/store/engine/s3/s3-engine.ts";
import { StoreManager, type StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { parseStoredManifest } from "../../../../src/registry/model/manifest.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { bodyOf } from "../../../support/body-of.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { ALICE, APP, jobRun } from "../../../support/oci-store.ts";
import { pushedManifest } from "../../../support/pushed-manifest.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { TroubledClient } from "../../../support/s3-node.ts";
import { sharedS3Server } from "../../../support/s3-server.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { describeWith } from "../../../support/tools.ts";

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const OTHER = "team/other" as RepositoryName;
const DAY_MS = 24 * 60 * 60 * 1000;
const TAG = "v1" as Tag;
const SIZE = 1000;

/** One node of the store, with what clients do there. Without `minGraceSeconds`, nothing that was pushed is kept for that alone. */
async function nodeAt(location: S3Location, node: string, minGraceSeconds = 0) {
  const client = new TroubledClient(location);
  const dataDir = temporaryDirectory();
  const at = {
    bucket: location,
    credentialsFile: undefined,
    maxAgeMs: 0,
    cache: undefined,
    redirectAbove: undefined,
    minGraceSeconds,
  };
  const engine = new S3Engine({ ...at, dataDir, node }, SILENT, client.bucket());
  // Where another thread would look for it; there is none.
  const stores = new StoreManager({ kind: "local", dataDir }, engine, SILENT);
  const oci = await OciStore.open(stores, "test" as StoreName);
  afterThisTest(() => oci.close());
  oci.recency.clear();
  const storage = new InstanceStorage(oci, () => ALICE, { references: "strict", immutable: [] });
  const pushBlob = async (bytes = randomBytes(SIZE)): Promise<Digest> => {
    const session = await storage.startUpload(APP, "sha256");
    if (typeof session !== "string") throw new Error(session.reason);
    const digest = digestOf(bytes);
    const chunk = { body: bodyOf(bytes), range: undefined, length: bytes.length };
    expect(await storage.finishUpload(APP, session, chunk, digest)).toEqual({ kind: "stored" });
    return digest;
  };
  /** What the check of a pushed manifest finds missing. */
  const missing = async (content: Uint8Array) => {
    const manifest = parseStoredManifest(content);
    if (!manifest) throw new Error("the manifest is none");
    const named = manifest.blobs.map((digest) => ({
      kind: "blob" as const,
      digest,
      size: SIZE,
      mediaType: "",
    }));
    return (await storage.checkReferences(APP, manifest, named)).missing;
  };
  const commit = (content: Uint8Array) =>
    oci.changes.putManifest(ALICE, {
      ...pushedManifest(content),
      repository: APP,
      tags: [TAG],
      immutable: [],
    });
  return { client, oci, storage, pushBlob, missing, commit };
}

function imageOf(blob: Digest): Uint8Array {
  const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: blob, size: SIZE };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] }));
}

const isMark = ({ method, key = "" }: S3Request) => method === "PUT" && key.includes("/blobs/");

/** Runs `work` once a collector has hidden a blob, before it looks for traces. */
function whenHidden(client: TroubledClient, work: () => Promise<void>): void {
  let isHidden = false;
  client.trouble = async (request) => {
    const { method, key = "" } = request;
    if (isMark(request)) isHidden = true;
    else if (isHidden && method === "HEAD" && key.includes("/touched/")) {
      client.trouble = () => undefined;
      await work();
    }
    return undefined;
  };
}

describeWith(["versitygw"], "a collection on one node", () => {
  const nextLocation = sharedS3Server();

  /** A blob that was pushed long ago and that nothing needs; `collect` removes it unless something happens meanwhile. */
  async function twoNodes() {
    const location = nextLocation();
    const [collector, other] = [await nodeAt(location, "a"), await nodeAt(location, "b")];
    const blob = await other.pushBlob();
    await collector.oci.store.follow();
    const collect = () => {
      collector.oci.recency.clear();
      const policy = { graceSeconds: 3600, retentionSeconds: 0 };
      return collectGarbage(collector.oci, policy, jobRun(), Date.now() + 2 * DAY_MS);
    };
    return { collector, other, blob, collect };
  }

  test("removes a blob that no node needs", async () => {
    const { other, blob, collect } = await twoNodes();
    expect(await collect()).toMatchObject({ blobs: 1, problems: [] });
    expect(await other.missing(imageOf(blob))).toEqual([blob]);
  });

  test("keeps a blob that a client of another node has asked for, and pushes a manifest for later", async () => {
    const { other, blob, collect } = await twoNodes();
    expect((await other.storage.blob(APP, blob))?.size).toBe(SIZE);
    expect(await collect()).toMatchObject({ blobs: 0, problems: [] });
    expect(await other.missing(imageOf(blob))).toEqual([]);
    await other.commit(imageOf(blob));
    expect(await other.oci.blobs.verify(blob)).toBe("sound");
  });

  test("keeps a blob that was pushed within the last quarter of an hour, by the clock of the store, whatever its grace is", async () => {
    const location = nextLocation();
    const [collector, other] = await Promise.all(
      ["a", "b"].map((node) => nodeAt(location, node, MIN_GRACE_SECONDS)),
    );
    if (!collector || !other) throw new Error("there are two nodes");
    const image = imageOf(await other.pushBlob());
    const collectAfter = async (minutes: number) => {
      collector.client.aheadMs = minutes * 60_000;
      collector.oci.recency.clear();
      return collectGarbage(collector.oci, { graceSeconds: 1, retentionSeconds: 0 }, jobRun());
    };
    expect(await collectAfter(14)).toMatchObject({ blobs: 0, problems: [] });
    expect(await other.missing(image)).toEqual([]);
    await other.commit(image);
    await other.oci.changes.deleteManifest(ALICE, APP, { kind: "digest", digest: digestOf(image) });
    expect(await collectAfter(16)).toMatchObject({ blobs: 1, problems: [] });
  });

  test("keeps a blob that a client of another node has mounted", async () => {
    const { other, blob, collect } = await twoNodes();
    expect(await other.storage.mountBlob(OTHER, blob, APP)).toBe(true);
    expect(await collect()).toMatchObject({ blobs: 0, problems: [] });
    expect((await other.storage.blob(OTHER, blob))?.size).toBe(SIZE);
  });

  test("keeps a blob whose manifest another node has checked before it was hidden, and commits after", async () => {
    const { collector, other, blob, collect } = await twoNodes();
    let isFirst = true;
    collector.client.trouble = async (request) => {
      if (!isMark(request) || !isFirst) return undefined;
      isFirst = false;
      expect(await other.missing(imageOf(blob))).toEqual([]);
      return undefined;
    };
    expect(await collect()).toMatchObject({ blobs: 0, problems: [] });
    await other.commit(imageOf(blob));
    expect(isFirst).toBe(false);
    expect(await other.oci.blobs.verify(blob)).toBe("sound");
  });

  test("keeps a blob whose manifest was committed on another node while it was hidden", async () => {
    const { collector, other, blob, collect } = await twoNodes();
    let isFirst = true;
    whenHidden(collector.client, async () => {
      isFirst = false;
      await other.commit(imageOf(blob));
    });
    expect(await collect()).toMatchObject({ blobs: 0, problems: [] });
    expect(isFirst).toBe(false);
    expect(await other.oci.blobs.verify(blob)).toBe("sound");
  });

  test("does not make another node refuse a manifest with a blob that a client there has just asked for", async () => {
    const { collector, other, blob, collect } = await twoNodes();
    let missing: Promise<readonly Digest[]> | undefined;
    let isAsked = false;
    collector.client.trouble = async ({ method, key = "" }) => {
      if (method === "PUT" && key.includes("/log/") && !isAsked) {
        // It is about to remove the link of the blob.
        isAsked = true;
        expect((await other.storage.blob(APP, blob))?.size).toBe(SIZE);
      } else if (method === "HEAD" && key.includes("/touched/") && isAsked && !missing) {
        // It has removed the link, and looks whether it had to.
        await other.oci.store.refresh(0);
        expect(await other.oci.links.has(APP, blob)).toBe(false);
        const looked = Promise.withResolvers<void>();
        other.client.respond = (response) => {
          looked.resolve();
          return response;
        };
        missing = other.missing(imageOf(blob));
        await looked.promise;
      }
      return undefined;
    };
    expect(await collect()).toMatchObject({ blobs: 0, problems: [] });
    expect(await missing).toEqual([]);
  });

  test("keeps a blob that is pushed again on another node while it was hidden", async () => {
    const location = nextLocation();
    const [collector, other] = [await nodeAt(location, "a"), await nodeAt(location, "b")];
    const bytes = randomBytes(SIZE);
    const blob = await other.pushBlob(bytes);
    await collector.oci.store.follow();
    let isFirst = true;
    whenHidden(collector.client, async () => {
      isFirst = false;
      await other.pushBlob(bytes);
    });
    collector.oci.recency.clear();
    const policy = { graceSeconds: 3600, retentionSeconds: 0 };
    expect(await collectGarbage(collector.oci, policy, jobRun(), Date.now() + 2 * DAY_MS)).toMatchObject({
      blobs: 0,
    });
    expect([isFirst, await other.missing(imageOf(blob))]).toEqual([false, []]);
    expect(await collector.oci.blobs.verify(blob)).toBe("sound");
  });
});
