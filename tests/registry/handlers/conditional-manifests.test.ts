import { describe, expect, test } from "bun:test";
import type { Digest } from "../../../src/primitives/digest.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";

const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const ABSENT = `sha256:${"0".repeat(64)}`;
const RACERS = 16;

type Headers = Record<string, string>;

async function start(args: readonly string[] = []) {
  const client = new RegistryClient((await startTestServer(args)).httpPort, "app");
  const put = (reference: string, body: string, headers: Headers) =>
    client.fetch(`manifests/${reference}`, {
      method: "PUT",
      body,
      headers: { "Content-Type": IMAGE, ...headers },
    });
  const remove = (reference: string, headers: Headers) =>
    client.fetch(`manifests/${reference}`, { method: "DELETE", headers });
  const images = async (count: number) => {
    const pushed = [];
    for (let i = 0; i < count; i++) pushed.push(await client.pushImage(`image-${i}`, 100));
    return pushed;
  };
  return { client, put, remove, images };
}

const only = (digest: Digest) => ({ "If-Match": `"${digest}"` });
const IF_NEW = { "If-None-Match": "*" };
const IF_THERE = { "If-Match": "*" };

describe("a conditional push", () => {
  test("makes a tag only if it is new, and moves it only from the digest that the client saw", async () => {
    const { client, put, images } = await start();
    const [first, second] = await images(2);
    if (!first || !second) throw new Error("there are no images");
    expect((await put("v1", first.manifest, IF_THERE)).status).toBe(412);
    expect((await put("v1", first.manifest, only(first.digest))).status).toBe(412);
    expect((await put("v1", first.manifest, IF_NEW)).status).toBe(201);
    for (const { manifest } of [first, second]) expect((await put("v1", manifest, IF_NEW)).status).toBe(412);
    expect((await put("v1", second.manifest, only(second.digest))).status).toBe(412);
    expect(await client.verifyImage("v1")).toBe(first.digest);
    expect((await put("v1", second.manifest, only(first.digest))).status).toBe(201);
    expect((await put("v1", first.manifest, IF_THERE)).status).toBe(201);
    expect((await put("v1", second.manifest, { "If-None-Match": `"${first.digest}"` })).status).toBe(412);
    const etag = (await client.fetch("manifests/v1")).headers.get("ETag") ?? "";
    expect((await put("v1", second.manifest, { "If-Match": etag })).status).toBe(201);
    expect(await client.verifyImage("v1")).toBe(second.digest);
  });

  test("that is refused names the tag and its digest, and stores nothing", async () => {
    const { client, put, images } = await start();
    const [first] = await images(1);
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [],
    });
    const refused = await put("image-0", index, {
      ...IF_NEW,
      "Content-Type": "application/vnd.oci.image.index.v1+json",
    });
    expect([refused.status, await refused.json()]).toEqual([
      412,
      {
        errors: [
          {
            code: "DENIED",
            message: `the tag 'image-0' of 'app' points at ${first?.digest}, which the request's If-Match or If-None-Match rules out; nothing was changed`,
            detail: { reference: "image-0", digest: first?.digest },
          },
        ],
      },
    ]);
    const digest = new Bun.CryptoHasher("sha256").update(index).digest("hex");
    expect((await client.fetch(`manifests/sha256:${digest}`)).status).toBe(404);
  });

  test("by digest is about each tag of its query, and about the manifest if there is none", async () => {
    const { client, put, images } = await start();
    const [first, second] = await images(2);
    if (!first || !second) throw new Error("there are no images");
    const { digest, manifest } = second;
    expect((await put(`${digest}?tag=new&tag=image-0`, manifest, IF_NEW)).status).toBe(412);
    expect((await client.fetch("manifests/new")).status).toBe(404);
    expect((await put(`${digest}?tag=new&tag=newer`, manifest, IF_NEW)).status).toBe(201);
    const refused = await put(digest, manifest, IF_NEW);
    expect([refused.status, await refused.text()]).toEqual([
      412,
      expect.stringContaining(`the manifest '${digest}' of 'app' exists, which`),
    ]);
    expect((await put(digest, manifest, only(digest))).status).toBe(201);
    expect((await put(digest, manifest, only(first.digest))).status).toBe(412);
    expect((await client.fetch(`manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
    expect((await put(digest, manifest, IF_THERE)).status).toBe(412);
    expect((await put(digest, manifest, IF_NEW)).status).toBe(201);
  });

  test("with a malformed condition is refused before its body is read", async () => {
    const { put } = await start();
    const refused = await put("v1", "x", { "If-Match": ABSENT });
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { errors: [{ code: "UNSUPPORTED" }] },
    ]);
  });

  for (const workers of ["1", "3"]) {
    test(`has exactly one winner of ${RACERS} at once, with ${workers} HTTP threads`, async () => {
      const { client, put, images } = await start(["--http-workers", workers]);
      const racers = await images(RACERS);
      const race = async (headers: Headers) => {
        const answers = await Promise.all(racers.map(({ manifest }) => put("raced", manifest, headers)));
        const statuses = answers.map(({ status }) => status);
        expect(statuses.filter((status) => status === 412)).toHaveLength(RACERS - 1);
        const winner = racers[statuses.indexOf(201)]?.digest;
        expect(await client.verifyImage("raced")).toBe(winner as Digest);
        return winner as Digest;
      };
      const first = await race(IF_NEW);
      // The present one among the racers would change nothing, and so it would not keep the next from winning.
      racers.splice(
        racers.findIndex(({ digest }) => digest === first),
        1,
        await client.pushImage("fresh", 100),
      );
      const second = await race(only(first));
      const deletions = await Promise.all(
        racers.map(() => client.fetch("manifests/raced", { method: "DELETE", headers: only(second) })),
      );
      expect(deletions.map(({ status }) => status).sort()).toEqual([202, ...Array(RACERS - 1).fill(404)]);
    }, 20_000);
  }
});

describe("a conditional deletion", () => {
  test("of a tag happens only at the digest that the client saw", async () => {
    const { client, remove, images } = await start();
    const [first, second] = await images(2);
    if (!first || !second) throw new Error("there are no images");
    expect((await remove("image-0", only(second.digest))).status).toBe(412);
    expect((await remove("image-0", IF_NEW)).status).toBe(412);
    expect((await remove("image-0", { "If-Match": first.digest })).status).toBe(400);
    expect((await client.fetch("manifests/image-0")).status).toBe(200);
    expect((await remove("image-0", only(first.digest))).status).toBe(202);
    for (const headers of [only(first.digest), IF_NEW, IF_THERE])
      expect((await remove("image-0", headers)).status).toBe(404);
  });

  test("of a manifest compares its own digest", async () => {
    const { remove, images } = await start();
    const [image] = await images(1);
    if (!image) throw new Error("there is no image");
    expect((await remove(image.digest, IF_NEW)).status).toBe(412);
    expect((await remove(image.digest, { "If-Match": `"${ABSENT}"` })).status).toBe(412);
    expect((await remove(image.digest, IF_THERE)).status).toBe(202);
    expect((await remove(image.digest, IF_THERE)).status).toBe(404);
  });
});

test("a conditional pull of a blob is refused where If-Match names another digest", async () => {
  const { client, images } = await start();
  const [image] = await images(1);
  const get = async (headers: Headers) => (await client.fetch(`blobs/${image?.layer}`, { headers })).status;
  expect(await get({ "If-Match": `"${ABSENT}"`, Range: "bytes=0-1" })).toBe(412);
  expect(await get({ "If-Match": `"${image?.layer}"`, Range: "bytes=0-1" })).toBe(206);
});

test("a conditional pull is refused where If-Match names another digest, and If-Unmodified-Since has no date to compare with", async () => {
  const { client, images } = await start();
  const [image] = await images(1);
  const get = async (headers: Headers, method = "GET", reference = "image-0") =>
    (await client.fetch(`manifests/${reference}`, { method, headers })).status;
  for (const method of ["GET", "HEAD"]) {
    expect(await get({ "If-Match": `"${ABSENT}"` }, method)).toBe(412);
    expect(await get({ "If-Match": `"${ABSENT}", "${image?.digest}"` }, method)).toBe(200);
    expect(await get({ "If-Match": "x" }, method)).toBe(400);
    expect(await get(IF_THERE, method, "absent")).toBe(404);
    expect(await get({ "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT" }, method)).toBe(200);
    expect(await get(IF_NEW, method)).toBe(304);
  }
});
