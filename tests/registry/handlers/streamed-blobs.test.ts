import { expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import { getBlob } from "../../../src/registry/handlers/blobs.ts";
import type { RepositoryName } from "../../../src/registry/model/repository-name.ts";
import type { BlobStream, StoredBlob } from "../../../src/registry/model/storage.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { partsOf } from "../../support/multipart.ts";
import { randomBytes } from "../../support/random-bytes.ts";

const bytes = new Uint8Array(randomBytes(100_000));
const digest = digestOf(bytes);
let opened = 0;
const content: BlobStream = (range) => {
  opened++;
  return new Blob([range ? bytes.slice(range.first, range.last + 1) : bytes]).stream();
};

/** Sends copies of the pieces; the budget for slow clients has tests of its own. */
const responseBodies = {
  pieces: async (pieces: AsyncGenerator<Uint8Array>) => {
    const copies: Uint8Array[] = [];
    for await (const piece of pieces) copies.push(piece.slice());
    return Buffer.concat(copies);
  },
};

/** Serves one blob whose storage can only stream it. */
function serve(blob: Partial<StoredBlob> = {}): string {
  const server = Bun.serve({
    port: 0,
    fetch: async (request) => {
      const trace = { route: "blob" as const, repository: undefined, received: 0, sent: 0 };
      const storage = {
        refresh: () => undefined,
        blob: async () => ({ size: bytes.length, content, ...blob }),
      };
      const result = await getBlob(
        { request, trace, storage, responseBodies },
        { repository: "app" as RepositoryName, digest },
      );
      return result instanceof Response ? result : new Response(null, { status: 500 });
    },
  });
  afterThisTest(() => server.stop(true));
  return `http://localhost:${server.port}/`;
}

test("a blob that the storage streams is sent with its length, whole and in part", async () => {
  const url = serve();
  const whole = await fetch(url);
  expect([whole.status, whole.headers.get("Content-Length")]).toEqual([200, "100000"]);
  expect(new Uint8Array(await whole.arrayBuffer())).toEqual(bytes);
  const part = await fetch(url, { headers: { Range: "bytes=10-19" } });
  expect([part.status, part.headers.get("Content-Length"), part.headers.get("Content-Range")]).toEqual([
    206,
    "10",
    "bytes 10-19/100000",
  ]);
  expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(10, 20));
});

test("several ranges of a blob that the storage streams are sent as parts", async () => {
  const response = await fetch(serve(), { headers: { Range: "bytes=5-9,70000-99999,20-29" } });
  expect(response.status).toBe(206);
  expect(await partsOf(response)).toEqual([
    { range: "bytes 5-9/100000", bytes: Buffer.from(bytes.slice(5, 10)) },
    { range: "bytes 70000-99999/100000", bytes: Buffer.from(bytes.slice(70_000)) },
    { range: "bytes 20-29/100000", bytes: Buffer.from(bytes.slice(20, 30)) },
  ]);
});

test("HEAD of a blob that the storage streams opens no stream and has the length", async () => {
  opened = 0;
  const head = await fetch(serve(), { method: "HEAD" });
  expect([head.status, head.headers.get("Content-Length")]).toEqual([200, "100000"]);
  expect(opened).toBe(0);
});

test("clients are sent to the storage for a blob that it gives itself, but not for what a HEAD asks", async () => {
  const location = "http://storage.example/blob?signature=1";
  const url = serve({ redirect: async () => location });
  const get = (init: RequestInit) => fetch(url, { redirect: "manual", ...init });
  for (const range of [undefined, "bytes=0-9"]) {
    const response = await get(range === undefined ? {} : { headers: { Range: range } });
    expect([response.status, response.headers.get("Location")]).toEqual([307, location]);
    expect(response.headers.get("Docker-Content-Digest")).toBe(digest);
  }
  const head = await get({ method: "HEAD" });
  expect([head.status, head.headers.get("Content-Length")]).toEqual([200, "100000"]);
  const unchanged = await get({ headers: { "If-None-Match": `"${digest}"` } });
  expect(unchanged.status).toBe(304);
});
