import { expect, test } from "bun:test";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { peakMiB } from "../support/memory.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

const GIB = 1024 ** 3;
const SIZE = 2 * GIB;
const BLOCK = 1024 * 1024;

describeWith(["ssh", "sshpass"], "a blob of 2 GiB", () => {
  test.skipIf(process.platform !== "linux")(
    "streams in and out of a server that stays under 256 MiB",
    async () => {
      const server = await startEverlock();
      await addAlice(server);
      const client = new RegistryClient(server.httpPort, "big");
      const hasher = new Bun.CryptoHasher("sha256");
      const block = randomBytes(BLOCK);
      async function* content(): AsyncGenerator<Uint8Array> {
        for (let sent = 0; sent < SIZE; sent += block.length) {
          // Each block differs, so that none lost or doubled goes unnoticed.
          new DataView(block.buffer).setFloat64(0, sent);
          hasher.update(block);
          yield block.slice();
        }
      }
      const location = await client.startUpload();
      const patched = await client.fetch(location, { method: "PATCH", body: content() });
      expect([patched.status, patched.headers.get("Range")]).toEqual([202, `0-${SIZE - 1}`]);
      const digest = `sha256:${hasher.digest("hex")}`;
      expect((await client.fetch(`${location}?digest=${digest}`, { method: "PUT" })).status).toBe(201);

      const response = await client.fetch(`blobs/${digest}`);
      // The runtime sends no length with what a node passes on from its object store.
      const told =
        server.nodes.length === 1 ? response : await client.fetch(`blobs/${digest}`, { method: "HEAD" });
      expect(told.headers.get("Content-Length")).toBe(String(SIZE));
      const received = new Bun.CryptoHasher("sha256");
      for await (const chunk of response.body ?? []) received.update(chunk);
      expect(`sha256:${received.digest("hex")}`).toBe(digest);
      // A node holds parts on their way to the object store, and what of them is not collected yet.
      expect(peakMiB(server)).toBeLessThan(server.nodes.length === 1 ? 256 : 384);
    },
    120_000,
  );
});
