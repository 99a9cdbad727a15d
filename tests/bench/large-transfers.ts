import { randomBytes } from "../support/random-bytes.ts";
import type { Peer } from "./peers.ts";
import { RawConnection } from "./raw-connection.ts";

const MIB = 1024 * 1024;
export const LARGE_BYTES = 512 * MIB;

function headersOf(peer: Peer): Record<string, string> {
  return Object.fromEntries(
    peer.headers
      .trimEnd()
      .split("\r\n")
      .map((line) => line.split(": ") as [string, string]),
  );
}

/** A file of random content, each different. Answers its digest. */
async function makeLargeFile(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  const writer = Bun.file(path).writer();
  for (let at = 0; at < LARGE_BYTES; at += 8 * MIB) {
    const block = randomBytes(8 * MIB);
    hash.update(block);
    writer.write(block);
    await writer.flush();
  }
  await writer.end();
  return `sha256:${hash.digest("hex")}`;
}

export interface LargeFile {
  readonly path: string;
  readonly digest: string;
}

export function makeLargeFiles(dir: string, count: number): Promise<readonly LargeFile[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const path = `${dir}/large-${i}`;
      return { path, digest: await makeLargeFile(path) };
    }),
  );
}

/** POST, PATCH with the whole file, PUT: as podman does it. */
export async function pushLarge(peer: Peer, path: string, digest: string): Promise<void> {
  const headers = headersOf(peer);
  const base = `http://127.0.0.1:${peer.port}`;
  const request = async (url: string | URL, method: string, status: number, body?: Bun.BunFile) => {
    const type = body && { "Content-Type": "application/octet-stream" };
    const response = await fetch(url, { method, headers: { ...headers, ...type }, ...(body && { body }) });
    if (response.status !== status) {
      throw new Error(`${peer.name}: ${method} answered ${response.status} ${await response.text()}`);
    }
    return base + (response.headers.get("Location") ?? "").replace(/^https?:\/\/[^/]+/, "");
  };
  const started = await request(`${base}/v2/large/blobs/uploads/`, "POST", 202);
  const url = new URL(await request(started, "PATCH", 202, Bun.file(path)));
  url.searchParams.set("digest", digest);
  await request(url, "PUT", 201);
}

/** All at once. */
export async function pushAll(peer: Peer, files: readonly LargeFile[]): Promise<void> {
  await Promise.all(files.map(({ path, digest }) => pushLarge(peer, path, digest)));
}

export async function pullLarge(peer: Peer, digest: string): Promise<void> {
  const connection = await RawConnection.open(peer.port);
  const request = `GET /v2/large/blobs/${digest} HTTP/1.1\r\n${peer.headers}\r\n`;
  const { bodyBytes } = await connection.request(Buffer.from(request));
  connection.close();
  if (bodyBytes !== LARGE_BYTES) throw new Error(`${peer.name} sent ${bodyBytes} bytes`);
}
