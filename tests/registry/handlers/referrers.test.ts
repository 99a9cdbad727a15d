import { describe, expect, test } from "bun:test";
import { type Digest, digestOf } from "../../../src/primitives/digest.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";

const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

interface ReferrersAnswer {
  readonly manifests: readonly {
    mediaType: string;
    digest: Digest;
    size: number;
    artifactType?: string;
    annotations?: Record<string, string>;
  }[];
}

async function start() {
  const client = new RegistryClient((await startTestServer()).httpPort, "app");
  const config = Buffer.from("{}");
  await client.pushBlob(config);
  const descriptor = { mediaType: "application/x-config", digest: digestOf(config), size: config.length };
  const { digest: subject, manifest } = await client.pushImage("v1");
  const refer = async (fields: object, mediaType = IMAGE, to: Digest = subject) => {
    const content = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        ...(mediaType === IMAGE ? { config: descriptor, layers: [] } : { manifests: [] }),
        subject: { mediaType: IMAGE, digest: to, size: manifest.length },
        ...fields,
      }),
    );
    const digest = digestOf(content);
    const response = await client.putManifest(digest, content, mediaType);
    expect([response.status, response.headers.get("OCI-Subject")]).toEqual([201, to]);
    return digest;
  };
  /** All pages. */
  const list = async (query = "", of: Digest = subject) => {
    const pages: ReferrersAnswer["manifests"][] = [];
    let next = `referrers/${of}${query}`;
    while (next !== "") {
      const response = await client.fetch(next);
      expect([response.status, response.headers.get("Content-Type")]).toEqual([200, INDEX]);
      expect(response.headers.get("OCI-Filters-Applied")).toBe(query === "" ? null : "artifactType");
      pages.push(((await response.json()) as ReferrersAnswer).manifests);
      next = response.headers.get("Link")?.match(/^<(.+)>; rel="next"$/)?.[1] ?? "";
    }
    return pages;
  };
  return { client, subject, refer, list };
}

describe("referrers", () => {
  test("are listed with artifact type and annotations, can be filtered, and disappear when deleted", async () => {
    const { client, refer, list } = await start();
    const plain = await refer({});
    const sbom = await refer({ artifactType: "application/x-sbom", annotations: { note: "hello" } });
    const index = await refer({}, INDEX);
    const typed = await refer({ artifactType: "application/x-sbom" }, INDEX);
    const [all = []] = await list();
    expect(new Map(all.map(({ digest, ...rest }) => [digest, rest]))).toEqual(
      new Map([
        [plain, { mediaType: IMAGE, size: expect.any(Number), artifactType: "application/x-config" }],
        [
          sbom,
          {
            mediaType: IMAGE,
            size: expect.any(Number),
            artifactType: "application/x-sbom",
            annotations: { note: "hello" },
          },
        ],
        [index, { mediaType: INDEX, size: expect.any(Number) }],
        [typed, { mediaType: INDEX, size: expect.any(Number), artifactType: "application/x-sbom" }],
      ]),
    );
    const filtered = (await list("?artifactType=application%2Fx-sbom")).flat();
    expect(filtered.map(({ digest }) => digest)).toEqual([sbom, typed].sort());
    expect((await client.fetch(`manifests/${sbom}`, { method: "DELETE" })).status).toBe(202);
    expect((await list()).flat()).toHaveLength(3);
  });

  test("are an empty list if there are none, and may be pushed before their subject", async () => {
    const { list, refer } = await start();
    const absent = digestOf(Buffer.from("absent"));
    expect(await list("", absent)).toEqual([[]]);
    await refer({}, IMAGE, absent);
    expect((await list("", absent)).flat()).toHaveLength(1);
  });

  test("are listed in pages bounded by number and by bytes", async () => {
    const { list, refer } = await start();
    const large = "x".repeat(500_000);
    for (let i = 0; i < 10; i++) await refer({ annotations: { large, number: String(i) } });
    const pages = await list();
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) expect(JSON.stringify(page).length).toBeLessThan(4 * 1024 * 1024);
    expect(new Set(pages.flat().map(({ digest }) => digest)).size).toBe(10);
  }, 30_000);

  test("can be ten thousand of one subject", async () => {
    const { list, refer } = await start();
    const digests: Digest[] = [];
    const numbers = Array.from({ length: 10_000 }, (_, i) => i);
    while (numbers.length > 0) {
      const batch = numbers.splice(0, 250);
      digests.push(...(await Promise.all(batch.map((i) => refer({ annotations: { number: String(i) } })))));
    }
    const pages = await list();
    expect(pages.map((page) => page.length)).toEqual(Array.from({ length: 10 }, () => 1000));
    expect(pages.flat().map(({ digest }) => digest)).toEqual(digests.sort());
  }, 120_000);
});
