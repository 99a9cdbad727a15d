import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { SESSION_LIMITS } from "../../../src/primitives/store/blobs/session-counts.ts";
import { eventually } from "../../support/eventually.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { rawAnswer } from "../../support/raw-answer.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";

const AT_ONCE = 50;

test("a client with too many open upload sessions gets 429 until it ends one", async () => {
  const { httpPort, dataDir } = await startTestServer();
  const url = `http://localhost:${httpPort}/v2/app/blobs/uploads/`;
  const headers = { Authorization: `Basic ${btoa("alice:change-me")}` };
  const post = () => fetch(url, { method: "POST", headers });
  const statuses = new Set<number>();
  let location = "";
  for (let begun = 0; begun < SESSION_LIMITS.user; begun += AT_ONCE) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, post));
    for (const answer of answers) statuses.add(answer.status);
    location = answers[0]?.headers.get("Location") ?? "";
  }
  expect([...statuses]).toEqual([202]);
  const refused = await post();
  expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "60"]);
  expect(await refused.json()).toEqual({
    errors: [
      {
        code: "TOOMANYREQUESTS",
        message: "1000 uploads of 'alice' are open; end some of them, or try again later",
      },
    ],
  });
  expect(readdirSync(`${dataDir}/everlock-oci-local/uploads`)).toHaveLength(SESSION_LIMITS.user);
  const whole = await fetch(`${url}?digest=sha256:${"0".repeat(64)}`, { method: "POST", headers, body: "x" });
  expect(whole.status).toBe(429);
  const end = await fetch(new URL(location, url), { method: "DELETE", headers });
  expect(end.status).toBe(204);
  expect((await post()).status).toBe(202);
}, 30_000);

describe("DELETE of an upload that another request is writing to", () => {
  test.each([
    ["PATCH", "1"],
    ["PATCH", "3"],
    ["PUT", "1"],
    ["PUT", "3"],
  ])("ends that %s with an error, and the session, with %s HTTP threads", async (method, threads) => {
    const { httpPort, dataDir } = await startTestServer(["--http-workers", threads]);
    const client = new RegistryClient(httpPort, "app");
    const location = await client.startUpload();
    let isAnswered = false;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (isAnswered) controller.close();
        else controller.enqueue(new Uint8Array(1000));
        await Bun.sleep(20);
      },
    });
    const digest = `sha256:${"0".repeat(64)}`;
    const path = method === "PUT" ? `${location}?digest=${digest}` : location;
    const writing = client.fetch(path, { method, body }).finally(() => {
      isAnswered = true;
    });
    const isWritten = async () => (await client.fetch(location)).headers.get("Range") !== "0-0";
    expect(await eventually(isWritten)).toBe(true);
    expect((await client.fetch(location, { method: "DELETE" })).status).toBe(204);
    expect((await client.fetch(location)).status).toBe(404);
    const ended = await writing;
    expect([ended.status, await ended.json()]).toEqual([
      404,
      { errors: [{ code: "BLOB_UPLOAD_UNKNOWN", message: "another request has cancelled this upload" }] },
    ]);
    expect((await client.fetch(location, { method: "DELETE" })).status).toBe(404);
    expect((await client.fetch(location, { method: "PATCH", body: "x" })).status).toBe(404);
    expect(readdirSync(`${dataDir}/everlock-oci-local/uploads`)).toEqual([]);
  });
});

test("a mount that can't be done, for whatever reason, opens an upload session", async () => {
  const { httpPort } = await startTestServer();
  const digest = await new RegistryClient(httpPort, "source").pushBlob(randomBytes(100));
  const client = new RegistryClient(httpPort, "app");
  const absent = `sha256:${"0".repeat(64)}`;
  for (const query of [
    "mount=",
    "mount=nonsense",
    "mount=&from=",
    `mount=${digest.toUpperCase()}&from=source`,
    `mount=${digest}&from=`,
    `mount=${digest}&from=Not%20a%20name`,
    `mount=${digest}&from=nowhere`,
    `mount=${digest}&from=app`,
    `mount=${absent}&from=source`,
    `mount=${absent}`,
    "from=source",
  ]) {
    const response = await client.fetch(`blobs/uploads/?${query}`, { method: "POST" });
    expect([query, response.status, response.headers.get("Range")]).toEqual([query, 202, "0-0"]);
    const status = await client.fetch(response.headers.get("Location") ?? "");
    expect([query, status.status]).toEqual([query, 204]);
  }
  for (const query of [`mount=${digest}&from=source`, `mount=${digest}&from=app`]) {
    const response = await client.fetch(`blobs/uploads/?${query}`, { method: "POST" });
    expect([query, response.status, response.headers.get("Docker-Content-Digest")]).toEqual([
      query,
      201,
      digest,
    ]);
    expect(response.headers.get("Location")).toBe(`/v2/app/blobs/${digest}`);
  }
});

// A limit of the runtime, described in docs/develop.md. When this fails because the answer is 202 and the next request on
// the connection is served, the runtime reads trailers, and the documents need to say so.
test("trailers after a chunked body end the connection with 400, and the upload goes on from what came", async () => {
  const { httpPort } = await startTestServer();
  const client = new RegistryClient(httpPort, "app");
  const location = await client.startUpload();
  const head = [
    `PATCH ${location} HTTP/1.1`,
    "Host: localhost",
    `Authorization: Basic ${btoa("alice:change-me")}`,
    "Transfer-Encoding: chunked",
    "Trailer: X-Sum",
  ].join("\r\n");
  const body = "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
  const next = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const answer = await rawAnswer(httpPort, `${head}\r\n\r\n${body}${next}`);
  expect(answer.match(/^HTTP\/1\.1 \d+/gm)?.at(-1)).toBe("HTTP/1.1 400");
  expect((await client.fetch(location)).headers.get("Range")).toBe("0-4");
});
