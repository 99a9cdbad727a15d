import { expect, test } from "bun:test";
import { canUseOverlay, containerTools } from "../support/containers.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { describeWith } from "../support/tools.ts";

const FILES = 200;
const FILE_BYTES = 50_000;
/** Files that differ in the second version; the last two lie side by side in the layer. */
const CHANGED = ["file-3", "file-150", "file-70", "file-71"];

const isOverlayUsable = await canUseOverlay();

describeWith(["podman", "skopeo", "ssh", "sshpass"], "podman with partial images", () => {
  test.skipIf(!isOverlayUsable)(
    "pulls a second version of a zstd:chunked layer by the ranges that differ",
    async () => {
      const server = await startEverlock({ args: ["--frontend-ops-listen", "127.0.0.1:0"] });
      await addAlice(server);
      const { must: tool } = containerTools({ partialImages: true });
      const files = new Map(Array.from({ length: FILES }, (_, i) => [`file-${i}`, randomBytes(FILE_BYTES)]));
      const push = (tag: string) =>
        tool(
          "skopeo",
          ...["copy", "-q", "--dest-tls-verify=false", "--dest-creds", "alice:change-me"],
          ...["--dest-compress-format", "zstd:chunked", `oci:${makeLayout({ files }).dir}:image`],
          `docker://${server.registry}/app:${tag}`,
        );
      await push("v1");
      for (const name of CHANGED) files.set(name, randomBytes(FILE_BYTES));
      await push("v2");

      const metric = async (pattern: RegExp) => {
        const counts = server.nodes.map(async ({ opsPort }) => {
          const metrics = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
          return Number(metrics.match(pattern)?.[1] ?? 0);
        });
        return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
      };
      const sentBytes = () => metric(/^everlock_http_sent_bytes_total (\d+)$/m);
      const partialResponses = () =>
        metric(/^everlock_http_requests_total\{route="blob",method="GET",status="206"\} (\d+)$/m);
      /** Pulls, and returns how many bytes were sent for it. */
      const pull = async (tag: string): Promise<number> => {
        const before = await sentBytes();
        const image = `${server.registry}/app:${tag}`;
        await tool("podman", "pull", "-q", "--tls-verify=false", "--creds", "alice:change-me", image);
        return (await sentBytes()) - before;
      };
      const whole = FILES * FILE_BYTES;
      expect(await pull("v1")).toBeGreaterThan(whole);
      // The list of files with their chunks, and all files as ranges, most of which adjoin.
      expect(await partialResponses()).toBe(2);
      const sent = await pull("v2");
      expect(await partialResponses()).toBe(4);
      expect(sent).toBeGreaterThan(CHANGED.length * FILE_BYTES);
      expect(sent).toBeLessThan(whole / 20);

      const mounted = (await tool("podman", "image", "mount", `${server.registry}/app:v2`)).trim();
      for (const [name, content] of files)
        expect([name, Bun.hash(await Bun.file(`${mounted}/${name}`).bytes())]).toEqual([
          name,
          Bun.hash(content),
        ]);
      await tool("podman", "image", "umount", "--all");
    },
    60_000,
  );
});
