import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/primitives/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../src/registry/model/manifest.ts";
import { errorResponse, RegistryError } from "../../src/registry/requests/errors.ts";
import { parsePageRequest } from "../../src/registry/requests/paging.ts";
import { parseRoute } from "../../src/registry/requests/route.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";

interface ErrorBody {
  readonly errors: { code: string; message: string; detail?: unknown }[];
}

test("a response lists at most 20 errors and counts the others", async () => {
  const details = Array.from({ length: 5000 }, (_, i) => ({ digest: `sha256:${i}` }));
  const response = errorResponse(new RegistryError("manifestBlobUnknown", { details }));
  const { errors } = (await response.json()) as ErrorBody;
  expect(errors).toHaveLength(21);
  expect(errors[19]).toEqual({
    code: "MANIFEST_BLOB_UNKNOWN",
    message: "manifest refers to content that is not in the repository",
    detail: details[19],
  });
  expect(errors[20]?.message).toBe(
    "manifest refers to content that is not in the repository; 4980 more are not listed",
  );
});

test("up to 20 errors are all listed", async () => {
  const details = Array.from({ length: 20 }, (_, i) => i);
  const { errors } = (await errorResponse(
    new RegistryError("manifestBlobUnknown", { details }),
  ).json()) as ErrorBody;
  expect(errors.map(({ detail }) => detail)).toEqual(details);
});

test("a path longer than any valid one is refused before it is parsed", () => {
  const fault = parseRoute(`/v2/${"a/".repeat(6000)}manifests/x`);
  expect(fault).toBeInstanceOf(RegistryError);
  expect(fault).toMatchObject({ code: "NAME_INVALID", message: expect.stringContaining("2048 characters") });
  const longest = `/v2/${"%61".repeat(255)}/manifests/sha512:${"a".repeat(128)}`;
  expect(parseRoute(longest)).toMatchObject({ kind: "manifest", repository: "a".repeat(255) });
});

test("`last` is cut to the length of the longest possible entry, which changes no page", () => {
  const page = parsePageRequest(new URLSearchParams({ last: "a".repeat(12_000) }));
  expect(page).toEqual({ last: "a".repeat(256), limit: 10_000 });
});

test("`n` of any size is accepted and capped", () => {
  const page = parsePageRequest(new URLSearchParams({ n: "9".repeat(5000) }));
  expect(page).toEqual({ last: "", limit: 10_000 });
});

describe("a manifest", () => {
  test("nested very deeply is refused with 400", async () => {
    const { httpPort, logged } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const depth = MAX_MANIFEST_BYTES / 2 - 100;
    const response = await client.putManifest(
      "v1",
      `{"schemaVersion":${"[".repeat(depth)}${"]".repeat(depth)}}`,
    );
    expect(response.status).toBe(400);
    const { errors } = (await response.json()) as ErrorBody;
    expect(errors[0]?.code).toBe("MANIFEST_INVALID");
    expect(logged.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  test("with thousands of unknown layers gets a short list of errors", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const descriptor = (text: string) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest: digestOf(Buffer.from(text)),
      size: 1,
    });
    const manifest = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: descriptor("config"),
      layers: Array.from({ length: 20_000 }, (_, i) => descriptor(String(i))),
    };
    const response = await client.putManifest("v1", JSON.stringify(manifest));
    expect(response.status).toBe(404);
    const text = await response.text();
    expect(text.length).toBeLessThan(10_000);
    expect((JSON.parse(text) as ErrorBody).errors.at(-1)?.message).toEndWith("; 19981 more are not listed");
  });
});
