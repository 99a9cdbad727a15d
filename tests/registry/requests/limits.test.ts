import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import { eventually } from "../../support/eventually.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";
import { unfinishedUpload } from "../../support/unfinished-upload.ts";

async function errorOf(response: Response) {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  return [response.status, errors[0]?.code, errors[0]?.message];
}

/** Of unknown length, as podman sends it. */
const streamed = (bytes: Uint8Array) =>
  new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 5000) controller.enqueue(bytes.subarray(at, at + 5000));
      controller.close();
    },
  });

describe("--limit-blob-size", () => {
  test("refuses a larger blob by its Content-Length, while it streams and at its end, and accepts one of exactly that size", async () => {
    const { httpPort } = await startTestServer(["--limit-blob-size", "20000B"]);
    const client = new RegistryClient(httpPort, "app");
    const tooLarge = [413, "SIZE_INVALID", "blob is larger than 20000 bytes"];
    await client.pushBlob(randomBytes(20_000));
    const bytes = new Uint8Array(randomBytes(20_001));
    const patch = async (body: Uint8Array<ArrayBuffer> | ReadableStream) =>
      client.fetch(await client.startUpload(), { method: "PATCH", body });
    expect(await errorOf(await patch(bytes))).toEqual(tooLarge);
    const response = await patch(streamed(bytes));
    expect(await errorOf(response)).toEqual(tooLarge);
    const whole = await client.fetch(`blobs/uploads/?digest=${digestOf(bytes)}`, {
      method: "POST",
      body: bytes,
    });
    expect(await errorOf(whole)).toEqual(tooLarge);
    const location = await client.startUpload();
    expect((await client.fetch(location, { method: "PATCH", body: bytes.subarray(0, 15_000) })).status).toBe(
      202,
    );
    const rest = { method: "PUT", body: streamed(bytes.subarray(15_000)) };
    expect(await errorOf(await client.fetch(`${location}?digest=${digestOf(bytes)}`, rest))).toEqual(
      tooLarge,
    );
    // Nothing of it stays.
    expect((await client.fetch(location)).status).toBe(404);
  });
});

describe("--limit-manifest-size", () => {
  test("refuses a longer manifest", async () => {
    const { httpPort } = await startTestServer(["--limit-manifest-size", "1KiB"]);
    const client = new RegistryClient(httpPort, "app");
    await client.pushImage("v1");
    const response = await client.putManifest("v2", " ".repeat(1025));
    expect(await errorOf(response)).toEqual([413, "SIZE_INVALID", "manifest is larger than 1024 bytes"]);
  });
});

describe("--limit-uploads", () => {
  test("refuses one upload too many with 429, but never the PUT that finishes one", async () => {
    const { httpPort } = await startTestServer(["--limit-uploads", "1"]);
    const client = new RegistryClient(httpPort, "app");
    const done = randomBytes(1000);
    const other = await client.startUpload();
    expect((await client.fetch(other, { method: "PATCH", body: done })).status).toBe(202);
    const { response: slow, finish } = await unfinishedUpload(client, 100_000);
    const refused = await client.fetch(await client.startUpload(), { method: "PATCH", body: done });
    expect(refused.headers.get("Retry-After")).toBe("5");
    expect((await errorOf(refused)).slice(0, 2)).toEqual([429, "TOOMANYREQUESTS"]);
    expect((await client.fetch(`${other}?digest=${digestOf(done)}`, { method: "PUT" })).status).toBe(201);
    finish();
    expect((await slow).status).toBe(202);
    await client.pushBlob(randomBytes(1000));
  });
});

describe("--limit-requests", () => {
  test("refuses an address over its rate with 429", async () => {
    const { httpPort } = await startTestServer(["--limit-requests", "20"]);
    const client = new RegistryClient(httpPort, "app");
    const answers = await Promise.all(Array.from({ length: 60 }, () => client.fetch("tags/list")));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeWithin(20, 41);
    expect(refused[0]?.headers.get("Retry-After")).toBe("1");
    expect(await eventually(async () => (await client.fetch("tags/list")).status === 404)).toBe(true);
  });
});

describe("quotas", () => {
  const LAYER = 40_000;

  test.each(["1", "2"])(
    "with %p threads a repository takes no more than its quota, also of many pushes at once",
    async (workers) => {
      const { httpPort } = await startTestServer([
        "--quota-repository",
        "100000B",
        "--http-workers",
        workers,
      ]);
      const client = new RegistryClient(httpPort, "app");
      const shared = randomBytes(LAYER);
      const digest = await client.pushBlob(shared);
      // What is there already counts once.
      await client.pushBlob(shared);
      const pushes = await Promise.all(
        Array.from({ length: 5 }, () => client.pushBlob(randomBytes(LAYER)).then(() => "stored", String)),
      );
      expect(pushes.filter((outcome) => outcome === "stored")).toHaveLength(1);
      expect(pushes.find((outcome) => outcome !== "stored")).toMatch(
        /PATCH answered 403.*"DENIED".*the quota of the repository 'app' is 97.7 KiB, of which 78.1 KiB are used; this upload has 39.1 KiB/,
      );
      const other = new RegistryClient(httpPort, "other");
      for (let i = 0; i < 2; i++) await other.pushBlob(randomBytes(LAYER));
      // A mount that would be too much is an upload instead, which is told why.
      const mount = await other.fetch(`blobs/uploads/?mount=${digest}&from=app`, { method: "POST" });
      expect(mount.status).toBe(202);
    },
  );

  test("a registry's quota is enforced, and a blob that its repositories share counts once", async () => {
    const { httpPort } = await startTestServer(["--quota-registry", "100000B"]);
    const [one, two] = ["one", "two"].map((name) => new RegistryClient(httpPort, name));
    const shared = randomBytes(LAYER);
    await one?.pushBlob(shared);
    await two?.pushBlob(shared);
    await two?.pushBlob(randomBytes(LAYER));
    expect(await one?.pushBlob(randomBytes(LAYER)).catch(String)).toInclude(
      "the quota of the registry is 97.7 KiB",
    );
    await one?.pushBlob(randomBytes(10_000));
  });
});

test("the error message for an invalid limit names its flag", async () => {
  const fault = (...args: string[]) => startTestServer(args).then(String, (error) => error.message);
  expect(await fault("--limit-requests", "0")).toBe(
    "--limit-requests must be a number from 1 to 64000, not '0'",
  );
  expect(await fault("--limit-blob-size", "10")).toBe(
    "--limit-blob-size must be a size such as 512MiB or 10GiB, not '10'; add a unit: 10MiB, 10GiB, or 10B for bytes",
  );
  expect(await fault("--limit-manifest-size", "1GiB")).toInclude("must be 64MiB or less");
});
