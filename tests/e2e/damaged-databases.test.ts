import { expect, test } from "bun:test";
import { utimesSync } from "node:fs";
import { digestHex } from "../../src/primitives/digest.ts";
import { binary } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { flipBit } from "../support/flipped-bit.ts";
import { preparedOnce } from "../support/prepared-directory.ts";
import { bytesOf, RegistryClient } from "../support/registry-client.ts";
import { describeWith, run } from "../support/tools.ts";

const STORE = "everlock-oci-local";
const TAGS = ["v1", "v2", "v3"];

/** The data of a stopped server with images, one of which was deleted, and a large layer. */
const stoppedWithImages = preparedOnce(async () => {
  const server = await startEverlock();
  await addAlice(server, "owner");
  const client = new RegistryClient(server.httpPort, "app");
  const images = [];
  for (const tag of TAGS) images.push(await client.pushImage(tag, tag === "v3" ? 3_000_000 : 10_000));
  const gone = await client.pushImage("gone");
  await client.fetch(`manifests/${gone.digest}`, { method: "DELETE" });
  await server.console("/oci log default");
  await server.end("SIGTERM");
  return { dataDir: server.dataDir, images };
});

describeWith(["ssh", "sshpass"], "a server whose databases are damaged while it is stopped", () => {
  test.each(["index.sqlite", "history.sqlite", "links.sqlite"])(
    "starts, names %s, serves every image before and after a collection, and is sound afterwards",
    async (file) => {
      const { dataDir } = await stoppedWithImages();
      const dir = `${dataDir}/${STORE}`;
      for (const [offset, bit] of [
        [3, 0],
        [4096 + 5, 2],
        [2 * 4096 + 3, 1],
      ] as const) {
        flipBit(`${dir}/${file}`, offset, bit);
        const server = await startEverlock({ dataDir });
        const client = new RegistryClient(server.httpPort, "app");
        for (const tag of TAGS) await client.verifyImage(tag);
        expect((await server.console("/oci log default")).stdout).toContain("delete app@");
        const gc = await run([binary(), "gc", "--data-dir", dataDir]);
        expect([gc.code, gc.stdout]).toEqual([0, expect.stringContaining(" 0 blobs (0 bytes)")]);
        for (const tag of TAGS) await client.verifyImage(tag);
        expect(server.log()).toContain(`${file} of the store '${STORE}' is damaged (`);
        expect(await server.end("SIGTERM")).toBe(0);
        const fsck = await run([binary(), "fsck", "--data-dir", dataDir]);
        expect([fsck.code, fsck.stdout]).toEqual([0, expect.not.stringContaining("is damaged")]);
      }
    },
    60_000,
  );

  test("detects a damaged layer whose file has its old modification time: a small one before it is served, a large one after", async () => {
    const { dataDir, images } = await stoppedWithImages();
    const dir = `${dataDir}/${STORE}`;
    const [small, , large] = images.map(({ layer }) => layer);
    if (!small || !large) throw new Error("there are no images");
    for (const layer of [small, large]) {
      const path = `${dir}/blobs/sha256/${digestHex(layer).slice(0, 2)}/${digestHex(layer)}`;
      flipBit(path, 100, 1);
      utimesSync(path, 1, 1);
    }
    const server = await startEverlock({ dataDir });
    const client = new RegistryClient(server.httpPort, "app");
    const statusOf = async (layer: string) => {
      const response = await client.fetch(`blobs/${layer}`);
      await bytesOf(response);
      return response.status;
    };
    expect([await statusOf(small), await statusOf(large)]).toEqual([404, 200]);
    expect(await eventually(async () => (await statusOf(large)) === 404)).toBe(true);
    for (const [layer, tag] of [
      [small, "v1"],
      [large, "v3"],
    ])
      expect(server.log()).toContain(
        `the blob ${layer} of the store '${STORE}' is damaged and was set aside; needed by app:${tag}`,
      );
  }, 60_000);
});
