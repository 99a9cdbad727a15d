import { digestOf } from "../../src/primitives/digest.ts";
import { randomBytes } from "../support/random-bytes.ts";
import type { RepeatedRequest, Step } from "./load.ts";
import type { Peer } from "./peers.ts";
import { RawConnection, type RawResponse } from "./raw-connection.ts";

export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = Buffer.from("{}");
const LAYER = Buffer.alloc(4096, "x");

const ANONYMOUS_HEADERS = "Host: localhost\r\n";

/** What is done by many connections at once. */
export interface Workload {
  readonly name: string;
  readonly unit: string;
  /** Pushes what it needs. */
  prepare(peer: Peer): Promise<Step | RepeatedRequest>;
}

function requestBytes(method: string, path: string, peer: Peer, more = "", body?: Uint8Array): Uint8Array {
  const length = body
    ? `Content-Length: ${body.length}\r\n`
    : method === "POST"
      ? "Content-Length: 0\r\n"
      : "";
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${peer.headers}${more}${length}\r\n`);
  return body ? Buffer.concat([head, body]) : head;
}

function expectStatus({ status, head }: RawResponse, wanted: number, what: string): void {
  if (status !== wanted) throw new Error(`${what} answered ${head}`);
}

/** The path of a Location header, which may be absolute. */
function locationOf({ head }: RawResponse): string {
  const location = head.match(/\r\nlocation: *(\S+)/i)?.[1] ?? "";
  return location.replace(/^https?:\/\/[^/]+/, "");
}

/** POST and PUT; with `isPatched` POST, PATCH and PUT, as podman and docker do it. */
export async function pushBlob(
  connection: RawConnection,
  peer: Peer,
  repository: string,
  bytes: Uint8Array,
  isPatched = false,
) {
  const started = await connection.request(requestBytes("POST", `/v2/${repository}/blobs/uploads/`, peer));
  expectStatus(started, 202, "POST");
  let location = locationOf(started);
  const type = "Content-Type: application/octet-stream\r\n";
  if (isPatched) {
    const patched = await connection.request(requestBytes("PATCH", location, peer, type, bytes));
    expectStatus(patched, 202, "PATCH");
    location = locationOf(patched);
  }
  const url = `${location}${location.includes("?") ? "&" : "?"}digest=${digestOf(bytes)}`;
  const rest = isPatched ? new Uint8Array() : bytes;
  expectStatus(await connection.request(requestBytes("PUT", url, peer, type, rest)), 201, "PUT blob");
}

/** A manifest of one config and one layer, made different by its annotation. */
export function manifestOf(layer: Uint8Array, note: string, config: Uint8Array = CONFIG): Buffer {
  const described = (bytes: Uint8Array) => ({ digest: digestOf(bytes), size: bytes.length });
  return manifestFor(described(config), described(layer), note);
}

interface Content {
  readonly digest: string;
  readonly size: number;
}

export function manifestFor(config: Content, layer: Content, note: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer }],
      annotations: { note },
    }),
  );
}

export async function get(connection: RawConnection, peer: Peer, path: string, headers = ""): Promise<void> {
  expectStatus(await connection.request(requestBytes("GET", path, peer, headers)), 200, path);
}

export async function putManifest(connection: RawConnection, peer: Peer, path: string, manifest: Uint8Array) {
  const bytes = requestBytes("PUT", path, peer, `Content-Type: ${MANIFEST}\r\n`, manifest);
  expectStatus(await connection.request(bytes), 201, "PUT manifest");
}

/** The same image in every registry. */
export async function pushSample(peer: Peer): Promise<void> {
  const connection = await RawConnection.open(peer.port);
  for (const blob of [CONFIG, LAYER]) await pushBlob(connection, peer, "bench", blob);
  await putManifest(connection, peer, "/v2/bench/manifests/v1", SAMPLE);
  connection.close();
}

function repeated(method: "GET" | "HEAD", path: string, more = ""): Workload["prepare"] {
  return async (peer) => {
    await pushSample(peer);
    return { method, path, headers: peer.headers + more };
  };
}

/** What is in every registry that was measured. */
export const SAMPLE = manifestOf(LAYER, "sample");

/** An image of two new blobs each time; see `pushBlob`. */
export function smallImagePush(peer: Peer, isPatched = false): Step {
  let count = 0;
  return async (connection) => {
    const [config, layer] = [randomBytes(256), randomBytes(4096)];
    const tag = `${Date.now()}-${count++}`;
    await pushBlob(connection, peer, "images", config, isPatched);
    await pushBlob(connection, peer, "images", layer, isPatched);
    await putManifest(connection, peer, `/v2/images/manifests/${tag}`, manifestOf(layer, tag, config));
  };
}

export const WORKLOADS: readonly Workload[] = [
  {
    name: "manifest GET by tag",
    unit: "requests/s",
    prepare: repeated("GET", "/v2/bench/manifests/v1", `Accept: ${MANIFEST}\r\n`),
  },
  {
    name: "manifest GET by digest",
    unit: "requests/s",
    prepare: repeated("GET", `/v2/bench/manifests/${digestOf(SAMPLE)}`, `Accept: ${MANIFEST}\r\n`),
  },
  {
    name: "manifest GET by tag, anonymous",
    unit: "requests/s",
    async prepare(peer) {
      await pushSample(peer);
      const headers = `${ANONYMOUS_HEADERS}Accept: ${MANIFEST}\r\n`;
      return { method: "GET", path: "/v2/bench/manifests/v1", headers };
    },
  },
  {
    name: "4-KiB blob GET",
    unit: "requests/s",
    prepare: repeated("GET", `/v2/bench/blobs/${digestOf(LAYER)}`),
  },
  { name: "blob HEAD", unit: "requests/s", prepare: repeated("HEAD", `/v2/bench/blobs/${digestOf(LAYER)}`) },
  {
    name: "manifest PUT",
    unit: "puts/s",
    async prepare(peer) {
      await pushSample(peer);
      let count = 0;
      return async (connection) => {
        const tag = `${Date.now()}-${count++}`;
        await putManifest(connection, peer, `/v2/bench/manifests/${tag}`, manifestOf(LAYER, tag));
      };
    },
  },
  { name: "small-image push", unit: "images/s", prepare: async (peer) => smallImagePush(peer) },
];
