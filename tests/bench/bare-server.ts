/**
 * What Bun does at most, on as many threads as the machine has cores: each GET is answered with the same manifest, and
 * each body is hashed, written to a file and synced. Run with a port and a directory.
 */
import { closeSync, fdatasync, openSync, rmSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";

const [port = "0", dir = "."] = process.argv.slice(2);
const MANIFEST = Buffer.alloc(500, "m");
const DIGEST = `sha256:${"0".repeat(64)}`;
const MANIFEST_HEADERS = {
  "Content-Type": "application/vnd.oci.image.manifest.v1+json",
  "Docker-Content-Digest": DIGEST,
  "Docker-Distribution-API-Version": "registry/2.0",
  ETag: `"${DIGEST}"`,
};
const UPLOAD_HEADERS = { Location: "/v2/large/blobs/uploads/one" };

async function receive(body: AsyncIterable<Uint8Array>): Promise<void> {
  const path = `${dir}/${crypto.randomUUID()}`;
  const fd = openSync(path, "wx");
  try {
    const hash = new Bun.CryptoHasher("sha256");
    for await (const chunk of body) {
      hash.update(chunk);
      writeSync(fd, chunk);
    }
    await promisify(fdatasync)(fd);
    hash.digest();
  } finally {
    closeSync(fd);
    rmSync(path);
  }
}

if (Bun.isMainThread) {
  for (let i = 0; i < availableParallelism(); i++) new Worker(import.meta.path, { argv: [port, dir] });
} else {
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(port),
    reusePort: true,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch(request) {
      if (request.method === "GET") return new Response(MANIFEST, { headers: MANIFEST_HEADERS });
      if (request.method === "PATCH" && request.body) await receive(request.body);
      return new Response(null, { status: request.method === "PUT" ? 201 : 202, headers: UPLOAD_HEADERS });
    },
  });
}
