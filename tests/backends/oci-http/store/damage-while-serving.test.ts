import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import { eventually } from "../../../support/eventually.ts";
import { bytesOf, RegistryClient } from "../../../support/registry-client.ts";
import { startTestServer } from "../../../support/test-server.ts";

const IMAGES = 5;

/** A server with images, of which nothing is in the memory of any thread. */
async function serveImages(workers: string) {
  const { server, httpPort, dataDir, logged } = await startTestServer(["--http-workers", workers]);
  const client = new RegistryClient(httpPort, "app");
  const images: { tag: string; manifest: string; digest: Digest }[] = [];
  for (let i = 0; i < IMAGES; i++) images.push({ tag: `v${i}`, ...(await client.pushImage(`v${i}`, 100)) });
  const dir = `${dataDir}/everlock-oci-local`;
  /** Changes a database as a bad disk would: without anybody noticing. */
  const vandalize = (file: string, ...statements: string[]) => {
    const db = new Database(`${dir}/${file}`, { readwrite: true });
    for (const sql of statements) db.run(sql);
    db.close();
  };
  const checkImages = async () => {
    for (const { tag, manifest, digest } of images) {
      for (const reference of [tag, digest]) {
        const response = await client.fetch(`manifests/${reference}`);
        expect([reference, response.status]).toEqual([reference, 200]);
        expect(response.headers.get("Docker-Content-Digest")).toBe(digest);
        expect(Buffer.from(await bytesOf(response)).toString()).toBe(manifest);
      }
    }
  };
  return { server, httpPort, client, dir, images, logged, vandalize, checkImages };
}

describeDamage("a changed manifest", "UPDATE manifests SET content = replace(content, '{', '[') || x''");
describeDamage(
  "a tag that stands for another manifest",
  "UPDATE tags SET digest = (SELECT digest FROM manifests LIMIT 1)",
);
describeDamage("another media type", "UPDATE manifests SET media_type = 'application/json'");
describeDamage("a repository that has another's number", "UPDATE repositories SET id = id + 1");
describeDamage("tags and manifests that are not there any more", "DELETE FROM tags", "DELETE FROM manifests");
describeDamage("a table that is gone", "DROP TABLE tags");

function describeDamage(what: string, ...statements: string[]): void {
  test.each(["1", "2"])(
    `an index with ${what} gives no wrong answer, and is replaced while %s threads serve`,
    async (workers) => {
      const { client, dir, logged, vandalize, checkImages, images } = await serveImages(workers);
      vandalize("index.sqlite", ...statements);
      await checkImages();
      expect(
        await eventually(() =>
          logged.some((line) => line.includes("index.sqlite of the store 'everlock-oci-local' was replaced")),
        ),
      ).toBe(true);
      expect(logged.filter((line) => line.includes("is damaged"))).toHaveLength(1);
      expect(existsSync(`${dir}/index.sqlite`)).toBe(false);
      // From the new index now, pushes included.
      const later = await client.pushImage("later", 100);
      expect(await client.verifyImage("later")).toBe(later.digest);
      await checkImages();
      const listed = async () => (await (await client.fetch("tags/list")).json()) as { tags: string[] };
      expect((await listed()).tags).toEqual(["later", ...images.map(({ tag }) => tag)]);
      expect(logged.filter((line) => line.startsWith("error"))).toEqual([]);
    },
    20_000,
  );
}

test.each(["1", "2"])(
  "a push that a damaged index can't store is told to retry, and then succeeds, while %s threads serve",
  async (workers) => {
    const { client, vandalize, checkImages, images } = await serveImages(workers);
    vandalize("index.sqlite", "DROP TABLE referrers", "DROP TABLE tags");
    const push = async () => (await client.putManifest("pushed", images[0]?.manifest ?? "")).status;
    expect(await push()).toBe(503);
    expect(await eventually(async () => (await push()) === 201)).toBe(true);
    expect(await client.verifyImage("pushed")).toBe(images[0]?.digest as Digest);
    await checkImages();
  },
  20_000,
);

test("an index that was replaced while the server ran has its usual name after a stop", async () => {
  const { server, dir, vandalize, checkImages, logged } = await serveImages("1");
  vandalize("index.sqlite", "UPDATE tags SET digest = x'00'");
  await checkImages();
  expect(await eventually(() => logged.some((line) => line.endsWith("was replaced")))).toBe(true);
  await server.stop();
  expect(existsSync(`${dir}/index.rebuilt-1.sqlite`)).toBe(false);
  const index = new Database(`${dir}/index.sqlite`, { readonly: true });
  expect(index.query("SELECT count(*) AS tags FROM tags WHERE length(digest) = 32").get()).toEqual({
    tags: IMAGES,
  });
  index.close();
});

test.each(["1", "2"])(
  "damaged links are replaced by those that can be read and those of the manifests, while %s threads serve",
  async (workers) => {
    const { httpPort, dir, logged, vandalize, checkImages } = await serveImages(workers);
    const other = new RegistryClient(httpPort, "other");
    const kept = await other.pushBlob(Buffer.from("without a manifest"));
    const lost = await other.pushBlob(Buffer.from("without a manifest either"));
    vandalize("links.sqlite", `UPDATE blob_links SET linked_at = 1 WHERE digest = '${lost}'`);
    expect((await other.fetch(`blobs/${lost}`, { method: "HEAD" })).status).toBe(503);
    expect(await eventually(() => logged.some((line) => line.endsWith("was replaced")))).toBe(true);
    expect(logged.find((line) => line.includes("is damaged"))).toContain(
      "links.sqlite of the store 'everlock-oci-local' is damaged (a row has another sum); links.damaged.sqlite is a copy of it",
    );
    expect(existsSync(`${dir}/links.damaged.sqlite`)).toBe(true);
    expect((await other.fetch(`blobs/${kept}`)).status).toBe(200);
    expect((await other.fetch(`blobs/${lost}`)).status).toBe(404);
    expect(await other.pushBlob(Buffer.from("without a manifest either"))).toBe(lost);
    expect((await other.fetch(`blobs/${lost}`)).status).toBe(200);
    await checkImages();
    expect(logged.filter((line) => line.startsWith("error"))).toEqual([]);
  },
  20_000,
);

test("an unknown manifest is looked up in the commits only now and then", async () => {
  const { client, logged } = await serveImages("2");
  const unknown = digestOf(Buffer.from("nothing"));
  for (let i = 0; i < 100; i++) expect((await client.fetch(`manifests/${unknown}`)).status).toBe(404);
  expect(logged.filter((line) => line.includes("damaged"))).toEqual([]);
});
