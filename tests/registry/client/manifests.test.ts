import { expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import { upstreamRepository } from "../../../src/registry/client/upstream-url.ts";
import { DOCKER_MANIFEST, IMAGE_MANIFEST } from "../../../src/registry/model/media-types.ts";
import {
  APP,
  clientOf,
  jsonResponse,
  MANIFEST,
  MANIFEST_DIGEST,
  manifestResponse,
  reference,
  repository,
  startRawUpstream,
  startUpstream,
  upstreamUrl,
  V1,
} from "./upstream.ts";

const OTHER = digestOf(Buffer.from("another"));

test("a manifest comes with its bytes, digest, media type, date and what it names", async () => {
  const upstream = startUpstream(() =>
    manifestResponse({
      "Last-Modified": "Tue, 24 Nov 2026 10:00:00 GMT",
      "Docker-Content-Digest": MANIFEST_DIGEST,
    }),
  );
  const found = await clientOf(upstream.origin).getManifest(APP, V1);
  expect(found).toMatchObject({
    kind: "found",
    digest: MANIFEST_DIGEST,
    mediaType: IMAGE_MANIFEST,
    lastModified: new Date("2026-11-24T10:00:00Z"),
  });
  expect(found.kind === "found" && Buffer.from(found.content).equals(MANIFEST)).toBe(true);
  expect(found.kind === "found" && found.named.length).toBe(2);
  expect(upstream.requests).toEqual(["GET /v2/team/app/manifests/v1"]);
});

test("requests name all manifest media types and this program, and ask for no compression", async () => {
  let headers = new Headers();
  const upstream = startUpstream((request) => {
    headers = request.headers;
    return manifestResponse();
  });
  await clientOf(upstream.origin).getManifest(APP, V1);
  expect(headers.get("accept")).toContain(DOCKER_MANIFEST);
  expect(headers.get("user-agent")).toMatch(/^everlock\/\d/);
  expect(headers.get("accept-encoding")).toBe("identity");
});

test("HEAD of a manifest gives digest, media type and size", async () => {
  const upstream = startUpstream(() => manifestResponse({ "Docker-Content-Digest": MANIFEST_DIGEST }));
  expect(await clientOf(upstream.origin).headManifest(APP, V1)).toEqual({
    kind: "found",
    digest: MANIFEST_DIGEST,
    mediaType: IMAGE_MANIFEST,
    size: MANIFEST.length,
    lastModified: undefined,
  });
});

test.each([
  ["has no digest", () => manifestResponse()],
  ["is refused", () => new Response(null, { status: 405 })],
])("where the response to HEAD %s, the manifest is fetched", async (_, head) => {
  const upstream = startUpstream(({ method }) => (method === "HEAD" ? head() : manifestResponse()));
  expect(await clientOf(upstream.origin).headManifest(APP, V1)).toMatchObject({
    kind: "found",
    digest: MANIFEST_DIGEST,
    size: MANIFEST.length,
  });
  expect(upstream.requests.map((line) => line.split(" ")[0])).toEqual(["HEAD", "GET"]);
});

test("what upstream does not have is unknown", async () => {
  const client = clientOf(startUpstream(() => new Response("{}", { status: 404 })).origin);
  expect(await client.getManifest(APP, V1)).toEqual({ kind: "unknown" });
  expect(await client.headManifest(APP, V1)).toEqual({ kind: "unknown" });
});

async function failureOf(
  response: () => Response,
  wanted = V1,
): Promise<{ readonly kind: string; readonly reason: string }> {
  const { origin } = startUpstream(response);
  const answer = await clientOf(origin).getManifest(APP, wanted);
  if (!("reason" in answer)) throw new Error(`the answer is ${answer.kind}`);
  expect(answer.reason).toStartWith(`upstream ${origin}: `);
  expect(answer.reason).not.toContain("\n");
  return { kind: answer.kind, reason: answer.reason.slice(`upstream ${origin}: `.length) };
}

test("a manifest with another digest than asked for is refused", async () => {
  expect(await failureOf(() => manifestResponse(), reference(OTHER))).toEqual({
    kind: "invalid",
    reason: `the manifest that it sends has the wrong digest: ${MANIFEST_DIGEST}, not ${OTHER}`,
  });
});

test("the manifest of a tag with another digest than its header says is refused", async () => {
  expect(await failureOf(() => manifestResponse({ "Docker-Content-Digest": OTHER }))).toEqual({
    kind: "invalid",
    reason: `the manifest that it sends has the wrong digest: ${MANIFEST_DIGEST}, not ${OTHER}`,
  });
});

test.each(["text/html", "application/json", "application/vnd.docker.distribution.manifest.v1+prettyjws", ""])(
  "a manifest with the media type '%s' is refused",
  async (type) => {
    const { kind, reason } = await failureOf(() => manifestResponse({ "Content-Type": type }));
    expect(kind).toBe("invalid");
    expect(reason).toMatch(/which is of no manifest|only a Docker schema 1 manifest/);
  },
);

test("a manifest that contradicts its Content-Type is refused", async () => {
  expect(await failureOf(() => manifestResponse({ "Content-Type": DOCKER_MANIFEST }))).toEqual({
    kind: "invalid",
    reason: `the manifest ${MANIFEST_DIGEST} that it sends is not valid: the Content-Type is '${DOCKER_MANIFEST}', but the manifest's media type is '${IMAGE_MANIFEST}'`,
  });
});

test("bytes that are no manifest are refused", async () => {
  const { kind, reason } = await failureOf(() => manifestResponse({}, Buffer.from("<html>")));
  expect(kind).toBe("invalid");
  expect(reason).toContain("is not valid: ");
});

test("a compressed manifest is refused", async () => {
  expect(await failureOf(() => manifestResponse({ "Content-Encoding": "gzip" }))).toEqual({
    kind: "invalid",
    reason: "it compresses its response, though it was asked not to",
  });
});

test("a manifest that is stated or sent as too large is refused, and an endless one is not read to its end", async () => {
  const large = Buffer.alloc(4 * 1024 * 1024 + 1, " ");
  const reason = "its manifest is larger than 4194304 bytes";
  expect(await failureOf(() => manifestResponse({}, large))).toEqual({ kind: "invalid", reason });
  const endless = () =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)) }),
      { headers: { "Content-Type": IMAGE_MANIFEST } },
    );
  expect(await failureOf(endless)).toEqual({ kind: "invalid", reason });
});

test("a manifest that breaks off is unavailable", async () => {
  const { origin } = await startRawUpstream((socket) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Type: ${IMAGE_MANIFEST}\r\nContent-Length: ${MANIFEST.length}\r\n\r\n`;
    socket.end(`${head}${MANIFEST.subarray(0, 20)}`);
  });
  expect(await clientOf(origin).getManifest(APP, V1)).toEqual({
    kind: "unavailable",
    reason: `upstream ${origin}: it closed the connection`,
  });
});

test("a HEAD by digest that answers with another one is refused", async () => {
  const { origin } = startUpstream(() => manifestResponse({ "Docker-Content-Digest": MANIFEST_DIGEST }));
  expect(await clientOf(origin).headManifest(APP, reference(OTHER))).toEqual({
    kind: "invalid",
    reason: `upstream ${origin}: it answers with ${MANIFEST_DIGEST} to the request for ${OTHER}`,
  });
});

test("an error response is a failure with upstream's first message, on one line", async () => {
  const errors = [{ code: "MANIFEST_INVALID", message: "no\r\n\u001b[31mgood" }];
  expect(await failureOf(() => jsonResponse({ errors }, { status: 400 }))).toEqual({
    kind: "invalid",
    reason: "it answers 400 to the request for a manifest (MANIFEST_INVALID: no [31mgood)",
  });
  expect(await failureOf(() => new Response("oops", { status: 502 }))).toEqual({
    kind: "unavailable",
    reason: "it answers 502 to the request for a manifest",
  });
});

test("an endless error body is not read to its end", async () => {
  let isCancelled = false;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
        cancel: () => {
          isCancelled = true;
        },
      }),
      { status: 500 },
    );
  expect(await failureOf(endless)).toEqual({
    kind: "unavailable",
    reason: "it answers 500 to the request for a manifest",
  });
  while (!isCancelled) await Bun.sleep(1);
});

test("an aborted request rejects with the signal's reason and ends", async () => {
  const arrived = Promise.withResolvers<Request>();
  const upstream = startUpstream((request) => {
    arrived.resolve(request);
    return new Promise<Response>(() => {});
  });
  const abort = new AbortController();
  const got = clientOf(upstream.origin).getManifest(APP, V1, abort.signal);
  const request = await arrived.promise;
  abort.abort(new Error("enough"));
  expect(got).rejects.toThrow("enough");
  while (!request.signal.aborted) await Bun.sleep(1);
});

test("Docker Hub's official images are asked for below library/", () => {
  for (const name of [
    "docker.io",
    "https://docker.io",
    "https://index.docker.io/v1/",
    "https://registry-1.docker.io",
  ]) {
    const hub = upstreamUrl(name);
    expect(hub.base).toBe("https://registry-1.docker.io");
    expect(upstreamRepository(hub, repository("alpine"))).toBe(repository("library/alpine"));
    expect(upstreamRepository(hub, APP)).toBe(APP);
  }
  expect(upstreamRepository(upstreamUrl("https://ghcr.io"), repository("alpine"))).toBe(repository("alpine"));
});
