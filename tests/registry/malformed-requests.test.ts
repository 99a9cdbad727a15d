import { expect, test } from "bun:test";
import { connect } from "node:net";
import { digestOf } from "../../src/primitives/digest.ts";
import { eventually } from "../support/eventually.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";

const HEX = "a".repeat(64);
const ABSENT = `sha256:${HEX}`;
const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = { mediaType: "application/vnd.oci.image.config.v1+json", digest: ABSENT, size: 2 };

/** One malformed request; its answer is a 4xx in the format of the spec. */
interface Malformed {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

const BAD_NAMES = [
  ...[
    "App",
    "app_",
    "-app",
    "app-",
    "a..b",
    "a//b",
    "a/",
    "/a",
    "ä",
    "a b",
    "a%00b",
    "a%0ab",
    "a%2f",
    "%2fa",
  ],
  ...["a:b", "a@b", "a___b", "a._b", "a\\b", "a%5cb", "a?b".replace("?", "%3f"), "a%23b", "_a", ".a", "a."],
  ...["a".repeat(256), `${"a/".repeat(200)}a`, "%c3%28", "a%ff"],
];
const BAD_TAGS = ["-v1", ".v1", "v 1", "v+1", "v%00", "ä", "v%2f1", "a".repeat(129), "v@1", "%0a", "v~1"];
const BAD_DIGESTS = [
  ...["sha256:", `sha256:${HEX}a`, `sha256:${HEX.slice(1)}`, `sha256:${HEX.toUpperCase()}`, `SHA256:${HEX}`],
  ...[`sha1:${"a".repeat(40)}`, `md5:${"a".repeat(32)}`, `:${HEX}`, `sha256:${"g".repeat(64)}`, "sha256:%00"],
  ...[`sha512:${HEX}`, `sha256:${HEX}%0a`, `sha256:..%2f..%2f${HEX}`, `sha256::${HEX}`],
];
const BAD_MANIFESTS: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  ...["", " ", "null", "0", "true", '"x"', "[]", "{", "{}", "{]", '{"schemaVersion":2', "\u0000", "\ufeff{}"],
  ...['{"schemaVersion":1}', '{"schemaVersion":"2"}', '{"schemaVersion":2.5}', '{"schemaVersion":2}'],
  new Uint8Array([0xff, 0xfe, 0x7b, 0x7d]),
  "[".repeat(10_000),
  `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`,
  ...[
    { config: CONFIG },
    { layers: [] },
    { config: null, layers: [] },
    { config: [], layers: [] },
    { config: { ...CONFIG, digest: 1 }, layers: [] },
    { config: { ...CONFIG, digest: "sha256:x" }, layers: [] },
    { config: { ...CONFIG, size: -1 }, layers: [] },
    { config: { ...CONFIG, size: 1.5 }, layers: [] },
    { config: { ...CONFIG, size: 1e300 }, layers: [] },
    { config: { ...CONFIG, size: "2" }, layers: [] },
    { config: { digest: ABSENT, size: 2 }, layers: [] },
    { config: CONFIG, layers: {} },
    { config: CONFIG, layers: [null] },
    { config: CONFIG, layers: [[]] },
    { config: CONFIG, layers: ["x"] },
    { config: CONFIG, layers: [], subject: "x" },
    { config: CONFIG, layers: [], subject: {} },
    { config: CONFIG, layers: [], annotations: [] },
    { config: CONFIG, layers: [], annotations: { a: 1 } },
    { config: CONFIG, layers: [], artifactType: 1 },
    { config: CONFIG, layers: [], mediaType: 1 },
    { config: CONFIG, layers: [], mediaType: INDEX },
    { config: CONFIG, layers: [], mediaType: "text/plain" },
    { config: CONFIG, layers: [], manifests: [] },
    { config: CONFIG, layers: [] },
  ].map((fields) => JSON.stringify({ schemaVersion: 2, ...fields })),
];
const BAD_INDEXES = [
  { manifests: {} },
  { manifests: [null] },
  { manifests: [{ mediaType: IMAGE, digest: ABSENT }] },
  { manifests: [{ mediaType: IMAGE, digest: ABSENT, size: 1 }] },
  {},
].map((fields) => JSON.stringify({ schemaVersion: 2, mediaType: INDEX, ...fields }));
const BAD_TYPES = [
  "text/plain",
  "application/json",
  "x",
  "/",
  IMAGE.toUpperCase().replace("V1", "V9"),
  INDEX,
];
const BAD_AUTHORIZATIONS = [
  ...[
    "Basic",
    "Basic !!!",
    "Basic YWxpY2U=",
    "Basic bm9ib2R5Ong=",
    "Bearer",
    "Bearer x",
    "Bearer a.b.c",
    "Digest x",
  ],
  ...[
    "Negotiate abc",
    "x",
    `Bearer ${"e".repeat(9000)}`,
    `Basic ${Buffer.alloc(6000, "a:").toString("base64")}`,
  ],
];
const BAD_CONTENT_RANGES = [
  ...[
    "x",
    "1",
    "-",
    "1-",
    "-1",
    "5-1",
    "0-4/5",
    "bytes 0-4/5",
    "bytes=0-4",
    "0--4",
    "0-99999999999999999999",
    "a-b",
  ],
  ...["0-5", "0-3", "1-5", "100-104"],
];

function table(location: string): Malformed[] {
  const get = (path: string): Malformed => ({ method: "GET", path });
  const putManifest = (body: Malformed["body"], contentType = IMAGE): Malformed => ({
    method: "PUT",
    path: "app/manifests/v1",
    headers: { "Content-Type": contentType },
    ...(body !== undefined && { body }),
  });
  return [
    ...BAD_NAMES.map((name) => get(`${name}/manifests/v1`)),
    ...BAD_NAMES.slice(0, 6).map((name) => ({ method: "POST", path: `${name}/blobs/uploads/` })),
    ...BAD_TAGS.map((tag) => get(`app/manifests/${tag}`)),
    ...BAD_TAGS.slice(0, 5).map((tag) => ({ method: "PUT", path: `app/manifests/${tag}`, body: "{}" })),
    ...BAD_DIGESTS.map((digest) => get(`app/blobs/${digest}`)),
    ...BAD_DIGESTS.slice(0, 5).map((digest) => get(`app/referrers/${digest}`)),
    ...BAD_DIGESTS.map((digest) => ({
      method: "PUT",
      path: `${location}?digest=${encodeURIComponent(digest)}`,
    })),
    ...BAD_MANIFESTS.map((body) => putManifest(body)),
    ...BAD_INDEXES.map((body) => putManifest(body, INDEX)),
    ...BAD_TYPES.map((type) =>
      putManifest(JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, config: CONFIG, layers: [] }), type),
    ),
    ...BAD_AUTHORIZATIONS.map((value) => ({ ...get("app/tags/list"), headers: { Authorization: value } })),
    ...BAD_CONTENT_RANGES.map((range) => ({
      method: "PATCH",
      path: location,
      headers: { "Content-Range": range },
      body: "hello",
    })),
    ...["-1", "x", "1.5", "1e3", "0x10", " 1", "1,2"].map((n) => get(`app/tags/list?n=${n}`)),
    get("_catalog?n=x"),
    { method: "POST", path: "app/blobs/uploads/?digest-algorithm=md5" },
    { method: "POST", path: "app/blobs/uploads/?digest=x", body: "x" },
    { method: "POST", path: `app/blobs/uploads/?digest=${ABSENT}`, body: "x" },
    { method: "PUT", path: location },
    { method: "PUT", path: `${location}?digest=${ABSENT}` },
    { method: "PUT", path: `app/manifests/${ABSENT}?tag=-bad`, body: "{}" },
    ...["DELETE", "POST", "PATCH", "PUT"].map((method) => ({ method, path: "app/tags/list" })),
    ...["DELETE", "POST"].map((method) => ({ method, path: "/v2/" })),
    ...["POST", "PATCH"].map((method) => ({ method, path: "app/manifests/v1" })),
    ...[
      "",
      "x",
      "app",
      "app/blobs",
      "app/manifests",
      "app/tags",
      "app/tags/x",
      "_catalog/x",
      "app/blobs/uploads/x/y",
    ].map((path) => get(`${path}`.replace(/^$/, "app/"))),
  ];
}

test("each malformed request gets 4xx with the spec's error document, and the server keeps serving", async () => {
  const { httpPort, logged } = await startTestServer();
  const client = new RegistryClient(httpPort, "app");
  const location = await client.startUpload();
  const rows = table(location);
  expect(rows.length).toBeGreaterThan(150);
  for (const { method, path, headers, body } of rows) {
    const response = await client.fetch(path.startsWith("/") ? path : `/v2/${path}`, {
      method,
      ...(headers && { headers }),
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const row = `${method} ${path.slice(0, 80)} ${String(body).slice(0, 80)} ${JSON.stringify(headers ?? {}).slice(0, 80)}`;
    expect(`${row}: ${response.status}`).toMatch(/: 4\d\d$/);
    const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] };
    expect(errors[0]?.code).toMatch(/^[A-Z_]+$/);
    expect(errors[0]?.message.length).toBeGreaterThan(10);
  }
  expect((await client.fetch(location)).headers.get("Range")).toBe("0-0");
  await client.pushImage("alive");
  // Wrong passwords are lines of the log; nothing else is.
  expect(logged.filter((line) => !line.startsWith("warn login of "))).toEqual([]);
});

/** Sends bytes as they are and answers what comes back until the connection closes, or for a while. */
function raw(port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    const end = () => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("data", (data) => {
      answer += data;
      if (answer.includes("\r\n\r\n")) setTimeout(end, 50);
    });
    socket.on("error", end);
    socket.on("close", end);
    setTimeout(end, 1000);
  });
}

test("input that is not HTTP closes its own connection only", async () => {
  const { httpPort, logged } = await startTestServer();
  const client = new RegistryClient(httpPort, "app");
  const location = await client.startUpload();
  const auth = `Authorization: Basic ${Buffer.from("alice:change-me").toString("base64")}`;
  const host = "Host: localhost";
  const requests = [
    "garbage\r\n\r\n",
    `GET /v2/ HTTP/9.9\r\n${host}\r\n\r\n`,
    "GET /v2/ HTTP/1.1\r\n\r\n",
    `GET /v2/ HTTP/1.1\r\n${host}\r\nX: ${"x".repeat(1024 * 1024)}\r\n\r\n`,
    `GET /${"x".repeat(100_000)} HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET /v2/ HTTP/1.1\r\n${host}\r\nHost: other\r\n\r\n`,
    `GET /v2/app/../../etc/passwd HTTP/1.1\r\n${host}\r\n${auth}\r\n\r\n`,
    `GET /v2/app/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n${host}\r\n${auth}\r\n\r\n`,
    `PATCH ${location} HTTP/1.1\r\n${host}\r\n${auth}\r\nContent-Length: -5\r\n\r\n`,
    `PATCH ${location} HTTP/1.1\r\n${host}\r\n${auth}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    `PATCH ${location} HTTP/1.1\r\n${host}\r\n${auth}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `PATCH ${location} HTTP/1.1\r\n${host}\r\n${auth}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`,
  ];
  for (const request of requests) {
    const answer = await raw(httpPort, request);
    // The runtime closes what it can't parse, some of it without a word.
    if (answer !== "") expect(answer.slice(0, 80)).toMatch(/^HTTP\/1\.1 (4\d\d|505) /);
  }
  await client.pushImage("alive");
  // Wrong passwords are lines of the log; nothing else is.
  expect(logged.filter((line) => !line.startsWith("warn login of "))).toEqual([]);
});

test("a body shorter than its Content-Length leaves a session that can be resumed, and no error in the log", async () => {
  const { httpPort, logged } = await startTestServer();
  const client = new RegistryClient(httpPort, "app");
  const location = await client.startUpload();
  const auth = `Authorization: Basic ${Buffer.from("alice:change-me").toString("base64")}`;
  const head = (method: string, path: string, length: number) =>
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${auth}\r\nContent-Length: ${length}\r\n\r\n`;
  await raw(httpPort, `${head("PATCH", location, 100)}hello`);
  await raw(httpPort, `${head("PUT", "/v2/app/manifests/v1", 100)}{`);
  const isWritten = async () => (await client.fetch(location)).headers.get("Range") === "0-4";
  expect(await eventually(isWritten)).toBe(true);
  const rest = await client.fetch(location, {
    method: "PATCH",
    body: " world",
    headers: { "Content-Range": "5-10" },
  });
  expect(rest.status).toBe(202);
  const digest = digestOf(Buffer.from("hello world"));
  const finish = () => client.fetch(`${location}?digest=${digest}`, { method: "PUT" });
  const [first, second] = await Promise.all([finish(), finish()]);
  expect([first.status, second.status].sort()).toEqual([201, expect.any(Number)]);
  expect([404, 409]).toContain(Math.max(first.status, second.status));
  expect((await finish()).status).toBe(404);
  expect(await (await client.fetch(`blobs/${digest}`)).text()).toBe("hello world");
  // Wrong passwords are lines of the log; nothing else is.
  expect(logged.filter((line) => !line.startsWith("warn login of "))).toEqual([]);
});
