import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Policy } from "../../../../src/backends/oci-http/store/instance-policy.ts";
import { InstanceStorage } from "../../../../src/backends/oci-http/store/instance-storage.ts";
import { measureStore } from "../../../../src/backends/oci-http/store/measure-store.ts";
import { statusOf } from "../../../../src/backends/oci-http/store/store-status.ts";
import { collectGarbage } from "../../../../src/backends/oci-http/upkeep/garbage.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Chunk, SessionId } from "../../../../src/registry/model/storage.ts";
import { ALICE, APP, jobRun, TestStore } from "../../../support/oci-store.ts";
import { pushedManifest } from "../../../support/pushed-manifest.ts";
import { randomBytes } from "../../../support/random-bytes.ts";

const KIB = 1024;
const OTHER = "other" as RepositoryName;

/** The registry's side of requests, with quotas that a test may change as it goes on. */
class Client {
  readonly store: TestStore;
  policy: Policy;

  constructor(store: TestStore, quotas: Pick<Policy, "quota" | "repositoryQuota">) {
    this.store = store;
    this.policy = { references: "strict", immutable: [], ...quotas };
  }

  get storage(): InstanceStorage {
    return new InstanceStorage(this.store.oci, () => ALICE, this.policy);
  }

  async begin(repository = APP): Promise<SessionId> {
    const session = await this.storage.startUpload(repository, "sha256");
    if (typeof session !== "string") throw new Error(session.reason);
    return session;
  }

  async append(session: SessionId, bytes: Uint8Array, { repository = APP, isSaid = true } = {}) {
    return this.storage.appendUpload(repository, session, chunkOf(bytes, isSaid));
  }

  /** Answers `stored`, or why not. */
  async push(bytes: Uint8Array, { repository = APP, isSaid = true } = {}): Promise<string> {
    const session = await this.begin(repository);
    const digest = digestOf(bytes);
    const result = await this.storage.finishUpload(repository, session, chunkOf(bytes, isSaid), digest);
    return result.kind === "over-quota" ? result.reason : result.kind;
  }
}

function chunkOf(bytes: Uint8Array, isSaid: boolean): Chunk {
  async function* body() {
    for (let at = 0; at < bytes.length; at += KIB) yield bytes.subarray(at, at + KIB);
  }
  return { body: body(), range: undefined, length: isSaid ? bytes.length : undefined };
}

const bytesOf = (kib: number) => new Uint8Array(randomBytes(kib * KIB));

async function clientWith(quotas: Pick<Policy, "quota" | "repositoryQuota">): Promise<Client> {
  return new Client(await TestStore.open(), quotas);
}

describe("a quota of a repository", () => {
  test("counts each blob once, and the error tells how much is used", async () => {
    const client = await clientWith({ repositoryQuota: 10 * KIB });
    const blob = bytesOf(6);
    expect(await client.push(blob)).toBe("stored");
    expect(await client.push(blob)).toBe("stored");
    const reason = `the quota of the repository '${APP}' is 10 KiB, of which 6 KiB are used; this`;
    expect(await client.push(bytesOf(5))).toBe(`${reason} upload has 5 KiB`);
    expect(await client.push(bytesOf(4))).toBe("stored");
    expect(await client.push(bytesOf(5), { repository: OTHER })).toBe("stored");
  });

  test("counts the bytes of open uploads, whatever length they declared", async () => {
    const client = await clientWith({ repositoryQuota: 10 * KIB });
    const open = await client.begin();
    expect(await client.append(open, bytesOf(6), { isSaid: false })).toMatchObject({ kind: "appended" });
    for (const isSaid of [true, false]) {
      const session = await client.begin();
      expect(await client.append(session, bytesOf(5), { isSaid })).toMatchObject({ kind: "over-quota" });
      // It is given up, and so takes no room.
      expect(await client.storage.uploadSize(APP, session)).toBeUndefined();
    }
    expect(await client.append(open, bytesOf(4))).toMatchObject({ kind: "appended" });
    expect(await client.push(bytesOf(1))).toContain("10 KiB are used");
    await client.storage.cancelUpload(APP, open);
    expect(await client.push(bytesOf(10))).toBe("stored");
  });

  test("holds for many uploads at once", async () => {
    const client = await clientWith({ repositoryQuota: 10 * KIB });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => client.push(bytesOf(3))));
    expect(outcomes.filter((outcome) => outcome === "stored").length).toBeLessThanOrEqual(3);
    expect((await statusOf(client.store.oci)).uploads).toBe(0);
    expect(await client.push(bytesOf(10))).not.toBe("stored");
  });

  test("admits as many simultaneous uploads as fit", async () => {
    const client = await clientWith({ repositoryQuota: 200 * KIB });
    const pushes = Array.from({ length: 20 }, () => client.push(bytesOf(10), { isSaid: false }));
    expect(new Set(await Promise.all(pushes))).toEqual(new Set(["stored"]));
  });

  test("counts manifests, but not one that is pushed again", async () => {
    const client = await clientWith({ repositoryQuota: 4 * KIB });
    const content = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [],
        annotations: { note: "x".repeat(3000) },
      }),
    );
    const put = (bytes: Buffer) =>
      client.store.oci.changes.putManifest(ALICE, {
        repository: APP,
        ...pushedManifest(bytes),
        tags: [],
        immutable: [],
        quotas: { repository: client.policy.repositoryQuota },
      });
    const other = Buffer.from(content.toString().replace('"x', '"y'));
    expect(await put(content)).toEqual({ kind: "stored" });
    expect(await put(other)).toMatchObject({ kind: "over-quota" });
    expect(await put(content)).toEqual({ kind: "stored" });
    expect(await client.push(bytesOf(2))).toContain("upload has 2 KiB");
    await client.store.oci.changes.deleteManifest(ALICE, APP, { kind: "digest", digest: digestOf(content) });
    expect(await put(other)).toEqual({ kind: "stored" });
  });

  test("counts the blobs that an index has as its entries, as a cache of BuildKit does", async () => {
    const client = await clientWith({ repositoryQuota: 10 * KIB });
    const layer = bytesOf(8);
    const digest = digestOf(layer);
    await client.push(layer);
    await client.store.index("cache", [{ mediaType: "application/x-layer", digest, size: layer.length }]);
    // The manifest alone keeps the blob in the repository.
    await client.store.oci.links.remove(APP, digest);
    expect(await client.push(bytesOf(3))).toContain("upload has 3 KiB");
  });

  test("frees the bytes of deleted content at once", async () => {
    const client = await clientWith({ repositoryQuota: 10 * KIB });
    const blob = bytesOf(8);
    await client.push(blob);
    expect(await client.push(bytesOf(9))).not.toBe("stored");
    await client.storage.deleteBlob(APP, digestOf(blob));
    expect(await client.push(bytesOf(9))).toBe("stored");
  });

  test("that is set while the server runs applies to the next upload", async () => {
    const client = await clientWith({});
    await client.push(bytesOf(8));
    client.policy = { ...client.policy, repositoryQuota: 10 * KIB, quota: 100 * KIB };
    expect(await client.push(bytesOf(3))).toContain("8 KiB are used");
    client.policy = { ...client.policy, repositoryQuota: undefined } as Policy;
    expect(await client.push(bytesOf(8))).toBe("stored");
    client.policy = { ...client.policy, repositoryQuota: 18 * KIB };
    expect(await client.push(bytesOf(3))).toContain("16 KiB are used");
  });

  test("applies to mounted blobs", async () => {
    const client = await clientWith({ repositoryQuota: 10 * KIB });
    const [small, large] = [bytesOf(4), bytesOf(8)];
    await client.push(small, { repository: OTHER });
    client.policy = { ...client.policy, repositoryQuota: 20 * KIB };
    await client.push(large, { repository: OTHER });
    client.policy = { ...client.policy, repositoryQuota: 10 * KIB };
    expect(await client.storage.mountBlob(APP, digestOf(large), OTHER)).toBe(true);
    expect(await client.storage.mountBlob(APP, digestOf(small), OTHER)).toBe(false);
  });
});

describe("a quota of a registry", () => {
  test("counts each blob once for all repositories, and open uploads", async () => {
    const client = await clientWith({ quota: 10 * KIB });
    const blob = bytesOf(6);
    for (const repository of [APP, OTHER]) expect(await client.push(blob, { repository })).toBe("stored");
    expect(await client.push(bytesOf(5), { repository: OTHER })).toBe(
      "the quota of the registry is 10 KiB, of which 6 KiB are used; this upload has 5 KiB",
    );
    const outcomes = await Promise.all([1, 2, 3].map(() => client.push(bytesOf(3))));
    expect(outcomes.filter((outcome) => outcome === "stored").length).toBeLessThanOrEqual(1);
  });

  test("frees the bytes that a garbage collection removes", async () => {
    const client = await clientWith({ quota: 10 * KIB });
    const { oci } = client.store;
    await client.push(bytesOf(8));
    expect(await client.push(bytesOf(4))).not.toBe("stored");
    oci.recency.clear();
    const later = Date.now() + 1000 * 24 * 60 * 60 * 1000;
    await collectGarbage(oci, { graceSeconds: 60, retentionSeconds: 60 }, jobRun(), later);
    expect(await client.push(bytesOf(4))).toBe("stored");
  });

  test("counts the same bytes as the statistics show", async () => {
    const client = await clientWith({ quota: 100 * KIB });
    await client.push(bytesOf(1));
    await client.append(await client.begin(), bytesOf(2));
    await client.store.image("v1");
    const [status, { blobs, storedBytes }] = [
      await statusOf(client.store.oci),
      await measureStore(client.store.oci),
    ];
    expect([status.blobs, status.blobBytes]).toEqual([blobs, storedBytes]);
    await client.push(bytesOf(3));
    expect((await statusOf(client.store.oci)).blobBytes).toBe(storedBytes + 3 * KIB);
    expect((await measureStore(client.store.oci)).storedBytes).toBe(storedBytes + 3 * KIB);
    expect([status.uploads, status.uploadBytes]).toEqual([1, 2 * KIB]);
    expect(status.manifestBytes).toBeGreaterThan(100);
    expect(readdirSync(`${client.store.dir}/uploads`)).toHaveLength(1);
  });
});
