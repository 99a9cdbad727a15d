import { randomBytes } from "../support/random-bytes.ts";
import type { Peer } from "./peers.ts";
import { RawConnection } from "./raw-connection.ts";

const MIB = 1024 * 1024;
export const LARGE_BYTES = 512 * MIB;
export const LARGE_IMAGE_BYTES = 100_000_000;
const BLOCK_BYTES = 8 * MIB;

function headersOf(peer: Peer): Record<string, string> {
  return Object.fromEntries(
    peer.headers
      .trimEnd()
      .split("\r\n")
      .map((line) => line.split(": ") as [string, string]),
  );
}

/** A file of random content, each different. Answers its digest. */
export async function makeLargeFile(path: string, bytes = LARGE_BYTES): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  const writer = Bun.file(path).writer();
  for (let at = 0; at < bytes; at += BLOCK_BYTES) {
    const block = randomBytes(Math.min(BLOCK_BYTES, bytes - at));
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

/** Their paths begin with `name`. */
export async function makeLargeFiles(
  name: string,
  count: number,
  bytes = LARGE_BYTES,
): Promise<readonly LargeFile[]> {
  const files: LargeFile[] = [];
  for (let i = 0; i < count; i++) {
    const path = `${name}-${i}`;
    files.push({ path, digest: await makeLargeFile(path, bytes) });
  }
  return files;
}

/** POST, PATCH with the whole file, PUT: as podman does it. */
export async function pushLarge(peer: Peer, path: string, digest: string): Promise<void> {
  const url = await uploadLarge(peer, path);
  url.searchParams.set("digest", digest);
  await upload(peer, url, "PUT", 201);
}

/** POST and PATCH; answers where to end it. */
export async function uploadLarge(peer: Peer, path: string): Promise<URL> {
  const started = await upload(peer, `http://127.0.0.1:${peer.port}/v2/large/blobs/uploads/`, "POST", 202);
  return upload(peer, started, "PATCH", 202, Bun.file(path));
}

/** Answers the Location. */
export async function upload(
  peer: Peer,
  url: string | URL,
  method: "POST" | "PATCH" | "PUT" | "DELETE",
  status: number,
  body?: Bun.BunFile,
): Promise<URL> {
  const type = body && { "Content-Type": "application/octet-stream" };
  const headers = { ...headersOf(peer), ...type };
  const response = await fetch(url, { method, headers, ...(body && { body }) });
  if (response.status !== status) {
    throw new Error(`${peer.name}: ${method} answered ${response.status} ${await response.text()}`);
  }
  const path = (response.headers.get("Location") ?? "/").replace(/^https?:\/\/[^/]+/, "");
  return new URL(path, `http://127.0.0.1:${peer.port}`);
}

/** All at once. */
export async function pushAll(peer: Peer, files: readonly LargeFile[]): Promise<void> {
  await Promise.all(files.map(({ path, digest }) => pushLarge(peer, path, digest)));
}

/** A client in C leaves the server more of the processor than ours. */
const CURL = Bun.which("curl");
export const PULLED_BY = CURL ? "curl" : "the benchmark itself";

export async function pullLarge(peer: Peer, digest: string, size = LARGE_BYTES): Promise<void> {
  const path = `/v2/large/blobs/${digest}`;
  const bytes = await (CURL ? pullWithCurl(CURL, peer, path) : pullRaw(peer, path));
  if (bytes !== size) throw new Error(`${peer.name} sent ${bytes} bytes`);
}

async function pullWithCurl(curl: string, peer: Peer, path: string): Promise<number> {
  const headers = Object.entries(headersOf(peer)).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const command = [curl, "-sS", "-o", "/dev/null", "-w", "%{size_download}", ...headers];
  return Number(await Bun.$`${[...command, `http://127.0.0.1:${peer.port}${path}`]}`.text());
}

async function pullRaw(peer: Peer, path: string): Promise<number> {
  const connection = await RawConnection.open(peer.port);
  const request = `GET ${path} HTTP/1.1\r\n${peer.headers}\r\n`;
  const { bodyBytes } = await connection.request(Buffer.from(request));
  connection.close();
  return bodyBytes;
}
