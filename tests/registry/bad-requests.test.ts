import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/primitives/digest.ts";
import { eventually } from "../support/eventually.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { bytesOf, RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";

const ABSENT = `sha256:${"0".repeat(64)}`;
const SESSION = "00000000-0000-4000-8000-000000000000";
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

interface Row {
  readonly what: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly status: number;
  readonly code: string;
}

const descriptor = (digest = ABSENT) => ({
  mediaType: "application/vnd.oci.image.config.v1+json",
  digest,
  size: 2,
});
const manifestRow = (
  what: string,
  body: string | Uint8Array<ArrayBuffer>,
  status = 400,
  code = "MANIFEST_INVALID",
): Row => ({
  what,
  method: "PUT",
  path: "app/manifests/v1",
  headers: { "Content-Type": OCI_MANIFEST },
  body,
  status,
  code,
});

const ROWS: readonly Row[] = [
  { what: "a repository name in upper case", path: "App/tags/list", status: 400, code: "NAME_INVALID" },
  {
    what: "a repository name with an empty component",
    path: "a//b/tags/list",
    status: 400,
    code: "NAME_INVALID",
  },
  {
    what: "a repository name of 300 characters",
    path: `${"a".repeat(300)}/tags/list`,
    status: 400,
    code: "NAME_INVALID",
  },
  {
    what: "an encoded way out of the repository",
    path: "a%2f..%2fb/manifests/v1",
    status: 400,
    code: "NAME_INVALID",
  },
  { what: "a path that ends outside /v2/", path: "../../etc/passwd", status: 404, code: "UNSUPPORTED" },
  {
    what: "an encoded path that ends outside /v2/",
    path: "%2e%2e/%2e%2e/etc/passwd",
    status: 404,
    code: "UNSUPPORTED",
  },
  { what: "a broken percent escape", path: "app/manifests/%zz", status: 400, code: "NAME_INVALID" },
  { what: "an endpoint that does not exist", path: "app/other/thing", status: 404, code: "UNSUPPORTED" },
  { what: "a tag with a forbidden character", path: "app/manifests/a+b", status: 400, code: "NAME_INVALID" },
  {
    what: "a tag of 129 characters",
    path: `app/manifests/${"t".repeat(129)}`,
    status: 400,
    code: "NAME_INVALID",
  },
  { what: "a digest that is too short", path: "app/blobs/sha256:abc", status: 400, code: "DIGEST_INVALID" },
  {
    what: "a digest in upper case",
    path: `app/blobs/sha256:${"A".repeat(64)}`,
    status: 400,
    code: "DIGEST_INVALID",
  },
  {
    what: "a digest of an unknown algorithm",
    path: `app/manifests/md5:${"a".repeat(32)}`,
    status: 400,
    code: "DIGEST_INVALID",
  },
  { what: "a blob that is not there", path: `app/blobs/${ABSENT}`, status: 404, code: "BLOB_UNKNOWN" },
  {
    what: "a manifest that is not there",
    path: "app/manifests/absent",
    status: 404,
    code: "MANIFEST_UNKNOWN",
  },
  {
    what: "the tags of a repository that is not there",
    path: "absent/tags/list",
    status: 404,
    code: "NAME_UNKNOWN",
  },
  {
    what: "a page size that is no number",
    path: "app/tags/list?n=-1",
    status: 400,
    code: "UNSUPPORTED",
  },
  {
    what: "a method that the endpoint lacks",
    method: "POST",
    path: "app/tags/list",
    status: 405,
    code: "UNSUPPORTED",
  },
  {
    what: "the status of an unknown upload",
    path: `app/blobs/uploads/${SESSION}`,
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
  },
  {
    what: "a chunk for an unknown upload",
    method: "PATCH",
    path: `app/blobs/uploads/${SESSION}`,
    body: "x",
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
  },
  {
    what: "the end of an unknown upload",
    method: "PUT",
    path: `app/blobs/uploads/${SESSION}?digest=${ABSENT}`,
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
  },
  {
    what: "the cancelling of an unknown upload",
    method: "DELETE",
    path: `app/blobs/uploads/${SESSION}`,
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
  },
  {
    what: "an upload id that is a path",
    path: "app/blobs/uploads/..%2f..%2fHEAD",
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
  },
  {
    what: "an upload in one request with a bad digest",
    method: "POST",
    path: "app/blobs/uploads/?digest=sha256:x",
    body: "x",
    status: 400,
    code: "DIGEST_INVALID",
  },
  {
    what: "an upload in one request with another's digest",
    method: "POST",
    path: `app/blobs/uploads/?digest=${ABSENT}`,
    body: "x",
    status: 400,
    code: "DIGEST_INVALID",
  },
  {
    what: "the deletion of a manifest that is not there",
    method: "DELETE",
    path: "app/manifests/absent",
    status: 404,
    code: "MANIFEST_UNKNOWN",
  },
  {
    what: "the deletion of a blob that is not there",
    method: "DELETE",
    path: `app/blobs/${ABSENT}`,
    status: 404,
    code: "BLOB_UNKNOWN",
  },
  manifestRow("a manifest that is no JSON", "{"),
  manifestRow("a manifest that is no object", "[]"),
  manifestRow("an empty manifest", ""),
  manifestRow("a manifest that is not UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])),
  manifestRow("a manifest nested 10,000 deep", `${"[".repeat(10_000)}${"]".repeat(10_000)}`),
  manifestRow("a manifest without schema version", JSON.stringify({ mediaType: OCI_MANIFEST })),
  manifestRow(
    "a manifest without config",
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers: [] }),
  ),
  manifestRow(
    "a manifest without layers",
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor() }),
  ),
  manifestRow(
    "a manifest with a bad digest",
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor("x"), layers: [] }),
  ),
  manifestRow(
    "a manifest that contradicts its Content-Type",
    JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] }),
  ),
  manifestRow(
    "a manifest whose blobs are missing",
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor(), layers: [] }),
    404,
    "MANIFEST_BLOB_UNKNOWN",
  ),
  manifestRow("a manifest over 4 MiB", " ".repeat(4 * 1024 * 1024 + 1), 413, "SIZE_INVALID"),
  {
    ...manifestRow("a manifest under another digest", "{}", 400, "DIGEST_INVALID"),
    path: `app/manifests/${ABSENT}`,
  },
  {
    ...manifestRow("a schema 1 manifest", "{}"),
    headers: { "Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws" },
  },
  { ...manifestRow("a manifest of an unknown type", "{}"), headers: { "Content-Type": "text/plain" } },
];

describe("a bad request", () => {
  test("gets the spec's error code, and the server keeps serving", async () => {
    const { httpPort, logged } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    for (const { what, method = "GET", path, headers, body, status, code } of ROWS) {
      const response = await client.fetch(`/v2/${path}`, {
        method,
        ...(headers && { headers }),
        ...(body !== undefined && { body }),
      });
      const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
      expect({ what, status: response.status, code: errors[0]?.code }).toEqual({ what, status, code });
      expect(errors[0]?.message.length).toBeGreaterThan(10);
    }
    await client.pushImage("still-alive");
    expect(logged).toEqual([]);
  });

  test("to push a manifest gets one error for each missing blob", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const layers = ["1", "2"].map((digit) => descriptor(`sha256:${digit.repeat(64)}`));
    const response = await client.putManifest(
      "v1",
      JSON.stringify({ schemaVersion: 2, config: descriptor(), layers }),
    );
    const { errors } = (await response.json()) as { errors: { detail: { digest: string } }[] };
    expect(errors.map((error) => error.detail.digest)).toEqual([
      ABSENT,
      ...layers.map((layer) => layer.digest),
    ]);
  });
});

describe("an upload session", () => {
  test("refuses chunks with a wrong Content-Range, and reports its size", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const location = await client.startUpload();
    const patch = (range: string, body: string) =>
      client.fetch(location, { method: "PATCH", body, headers: { "Content-Range": range } });
    expect((await patch("0-4", "hello")).status).toBe(202);
    const early = await patch("0-4", "hello");
    expect([early.status, early.headers.get("Range"), early.headers.get("Location")]).toEqual([
      416,
      "0-4",
      location,
    ]);
    expect((await patch("6-7", "xx")).status).toBe(416);
    expect((await patch("5-9", "xx")).status).toBe(400);
    expect((await patch("bytes=5-6", "xx")).status).toBe(400);
    expect((await patch("7-5", "xx")).status).toBe(400);
    expect((await client.fetch(location)).headers.get("Range")).toBe("0-4");
    expect((await client.fetch(`${location}?digest=${ABSENT}`, { method: "PUT" })).status).toBe(400);
    const wrong = await client.fetch(location, { method: "PUT" });
    expect(((await wrong.json()) as { errors: { message: string }[] }).errors[0]?.message).toContain(
      "'digest' is missing",
    );
    const digest = digestOf(Buffer.from("hello"));
    expect((await client.fetch(`${location}?digest=${digest}`, { method: "PUT" })).status).toBe(201);
    expect((await client.fetch(`${location}?digest=${digest}`, { method: "PUT" })).status).toBe(404);
  });

  test("accepts chunks, a last chunk in the PUT, and sha512", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    for (const algorithm of ["sha256", "sha512"] as const) {
      const bytes = randomBytes(300_000);
      const digest = digestOf(bytes, algorithm);
      const location = await client.startUpload();
      for (const at of [0, 100_000]) {
        await client.fetch(location, { method: "PATCH", body: bytes.slice(at, at + 100_000) });
      }
      const put = await client.fetch(`${location}?digest=${digest}`, {
        method: "PUT",
        body: bytes.slice(200_000),
      });
      expect([put.status, put.headers.get("Docker-Content-Digest")]).toEqual([201, digest]);
      const blob = await client.fetch(`blobs/${digest}`);
      expect(digestOf(await bytesOf(blob), algorithm)).toBe(digest);
    }
  });

  test("is visible in its repository alone, and unknown once cancelled", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const location = await client.startUpload();
    expect((await client.fetch(location.replace("/app/", "/other/"))).status).toBe(404);
    expect((await client.fetch(location, { method: "DELETE" })).status).toBe(204);
    expect((await client.fetch(location)).status).toBe(404);
  });

  test("accepts one writer at a time", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const location = await client.startUpload();
    const gate = Promise.withResolvers<void>();
    const slow = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async start(controller) {
        controller.enqueue(randomBytes(100_000) as Uint8Array<ArrayBuffer>);
        await gate.promise;
        controller.close();
      },
    });
    const first = client.fetch(location, { method: "PATCH", body: slow });
    const isWritten = async () => (await client.fetch(location)).headers.get("Range") !== "0-0";
    expect(await eventually(isWritten)).toBe(true);
    expect((await client.fetch(location, { method: "PATCH", body: "x" })).status).toBe(409);
    gate.resolve();
    expect((await first).headers.get("Range")).toBe("0-99999");
  });
});

describe("a blob", () => {
  test("is served in HTTP byte ranges", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const digest = await client.pushBlob(Buffer.from("0123456789"));
    const rows: [range: string, status: number, body: string | undefined, contentRange: string | null][] = [
      ["bytes=2-4", 206, "234", "bytes 2-4/10"],
      ["bytes=7-", 206, "789", "bytes 7-9/10"],
      ["bytes=-3", 206, "789", "bytes 7-9/10"],
      ["bytes=5-99", 206, "56789", "bytes 5-9/10"],
      ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
      ["bytes=10-", 416, undefined, "bytes */10"],
      ["bytes=-0", 416, undefined, "bytes */10"],
      ["bytes=4-2", 416, undefined, "bytes */10"],
      ["bytes=x", 416, undefined, "bytes */10"],
      ["bytes=0-1,4-5", 200, "0123456789", null],
      ["lines=1-2", 200, "0123456789", null],
    ];
    for (const [range, status, body, contentRange] of rows) {
      const response = await client.fetch(`blobs/${digest}`, { headers: { Range: range } });
      const text = await response.text();
      expect([range, response.status, response.headers.get("Content-Range")]).toEqual([
        range,
        status,
        contentRange,
      ]);
      if (body !== undefined) expect(text).toBe(body);
    }
    const head = await client.fetch(`blobs/${digest}`, { method: "HEAD" });
    expect([head.headers.get("Content-Length"), head.headers.get("Docker-Content-Digest")]).toEqual([
      "10",
      digest,
    ]);
  });

  test("is mounted from a repository that has it; otherwise a session is opened", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const digest = await client.pushBlob(Buffer.from("shared"));
    const other = new RegistryClient(httpPort, "other");
    const mount = (from: string) =>
      other.fetch(`blobs/uploads/?mount=${digest}&from=${from}`, { method: "POST" });
    expect((await mount("nowhere")).status).toBe(202);
    expect((await other.fetch(`blobs/${digest}`)).status).toBe(404);
    expect((await mount("app")).status).toBe(201);
    expect(await (await other.fetch(`blobs/${digest}`)).text()).toBe("shared");
  });

  test("can't be deleted while a manifest references it", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const { layer, digest } = await client.pushImage("v1");
    expect((await client.fetch(`blobs/${layer}`, { method: "DELETE" })).status).toBe(409);
    expect((await client.fetch(`manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
    expect((await client.fetch("manifests/v1")).status).toBe(404);
    expect((await client.fetch(`blobs/${layer}`, { method: "DELETE" })).status).toBe(202);
    expect((await client.fetch(`blobs/${layer}`)).status).toBe(404);
  });
});

describe("tags", () => {
  test("are listed in byte order, in pages", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const { manifest } = await client.pushImage("b");
    for (const tag of ["a10", "a2", "B", "_x"]) await client.putManifest(tag, manifest);
    const tags: string[] = [];
    let next = "tags/list?n=2";
    while (next !== "") {
      const response = await client.fetch(next);
      tags.push(...((await response.json()) as { tags: string[] }).tags);
      next = response.headers.get("Link")?.match(/^<(.+)>; rel="next"$/)?.[1] ?? "";
    }
    expect(tags).toEqual(["B", "_x", "a10", "a2", "b"]);
  });

  test("move with a push and are removed by a delete, which keeps the manifest", async () => {
    const { httpPort } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    const first = await client.pushImage("v1");
    const second = await client.pushImage("v1");
    expect(await client.verifyImage("v1")).toBe(second.digest);
    expect(await client.verifyImage(first.digest)).toBe(first.digest);
    expect((await client.fetch("manifests/v1", { method: "DELETE" })).status).toBe(202);
    expect((await client.fetch("manifests/v1")).status).toBe(404);
    expect(await client.verifyImage(second.digest)).toBe(second.digest);
  });
});
