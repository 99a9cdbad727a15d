import { createServer, type Socket } from "node:net";
import { digestOf } from "../../../src/primitives/digest.ts";
import { HttpRegistryClient } from "../../../src/registry/client/http-registry-client.ts";
import type { UpstreamOptions } from "../../../src/registry/client/upstream-options.ts";
import { parseUpstreamUrl, type UpstreamUrl } from "../../../src/registry/client/upstream-url.ts";
import { IMAGE_MANIFEST } from "../../../src/registry/model/media-types.ts";
import { parseRepositoryName, type RepositoryName } from "../../../src/registry/model/repository-name.ts";
import { parseReference, parseTag, type Reference, type Tag } from "../../../src/registry/model/tag.ts";
import { afterThisTest } from "../../support/cleanup.ts";

export interface Upstream {
  readonly origin: string;
  readonly port: number;
  /** `<method> <path and query>` of each request. */
  readonly requests: string[];
}

type Handler = (request: Request, url: URL) => Response | Promise<Response>;

/** An upstream that answers as the test says; stopped after the test. */
export function startUpstream(
  handler: Handler,
  tls?: { readonly cert: string; readonly key: string },
): Upstream {
  const requests: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    ...(tls && { tls: { cert: Bun.file(tls.cert), key: Bun.file(tls.key) } }),
    fetch(request) {
      const url = new URL(request.url);
      requests.push(`${request.method} ${url.pathname}${url.search}`);
      return handler(request, url);
    },
  });
  afterThisTest(() => server.stop(true));
  const port = server.port ?? 0;
  return { origin: `${tls ? "https" : "http"}://127.0.0.1:${port}`, port, requests };
}

/** An upstream that sends any bytes; `count` is that of the requests on the connection, from 1. */
export async function startRawUpstream(
  answer: (socket: Socket, head: string, count: number) => void,
): Promise<Upstream> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let count = 0;
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      const head = bytes.toString("latin1");
      requests.push(head.slice(0, head.indexOf(" HTTP/")));
      answer(socket, head, ++count);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterThisTest(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { origin: `http://127.0.0.1:${port}`, port, requests };
}

export function upstreamUrl(text: string): UpstreamUrl {
  const url = parseUpstreamUrl(text);
  if (!("origin" in url)) throw new Error(url.reason);
  return url;
}

export function clientOf(origin: string, options: Partial<UpstreamOptions> = {}): HttpRegistryClient {
  const client = new HttpRegistryClient({ url: upstreamUrl(origin), environment: {}, ...options });
  afterThisTest(() => client.close());
  return client;
}

export function repository(name: string): RepositoryName {
  const parsed = parseRepositoryName(name);
  if (!parsed) throw new Error(name);
  return parsed;
}

export function reference(text: string): Reference {
  const parsed = parseReference(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

export function tag(text: string): Tag {
  const parsed = parseTag(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

export const APP = repository("team/app");
export const V1 = reference("v1");

export const BLOB = Buffer.from("a layer of some bytes".repeat(1000));
export const BLOB_DIGEST = digestOf(BLOB);

export const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(Buffer.from("{}")),
      size: 2,
    },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: BLOB_DIGEST, size: BLOB.length }],
  }),
);
export const MANIFEST_DIGEST = digestOf(MANIFEST);

export function manifestResponse(headers: Record<string, string> = {}, body = MANIFEST): Response {
  return new Response(new Uint8Array(body), { headers: { "Content-Type": IMAGE_MANIFEST, ...headers } });
}

export function jsonResponse(value: unknown, init?: ResponseInit): Response {
  return Response.json(value, init);
}
