import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { digestOf } from "../../src/primitives/digest.ts";
import { binary } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock, loginAndRun, startEverlock } from "../support/everlock.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { bytesOf, RegistryClient } from "../support/registry-client.ts";
import { describeWithSmallDisks, type SmallDisk, smallDisk } from "../support/small-disk.ts";
import { describeWith, must, run } from "../support/tools.ts";

const STORE = "everlock-oci-local";
const NO_ROOM = { errors: [{ code: "UNAVAILABLE", message: expect.stringContaining("no room") }] };

const reserveOf = (disk: SmallDisk) => `${disk.path}/data/everlock-reserve`;

/** A server with a disk of its own, an image `kept` and room in reserve. */
async function startOnSmallDisk(size = "80m") {
  const disk = smallDisk(size);
  const server = await startEverlock({ dataDir: `${disk.path}/data`, args: ["--gc-grace", "1s"] });
  await addAlice(server, "owner");
  const client = new RegistryClient(server.httpPort, "app");
  const { manifest } = await client.pushImage("kept");
  expect(await eventually(() => existsSync(reserveOf(disk)))).toBe(true);
  return { disk, server, client, manifest };
}

const leftovers = (server: Everlock, store: string) => {
  const dir = `${server.dataDir}/${store}`;
  return [
    ...readdirSync(`${dir}/objects/pack`).filter((name) => name.startsWith("tmp_")),
    ...readdirSync(`${dir}/refs/heads`).filter((name) => name !== "main"),
  ];
};

describeWith(["git", "ssh", "sshpass"], "on a small file system", () => {
  describeWithSmallDisks("a server on a full disk", () => {
    test("refuses pushes with 507, still serves, deletes and collects garbage, and accepts pushes again once there is space", async () => {
      const { disk, server, client, manifest } = await startOnSmallDisk();
      await client.pushImage("large", 1_000_000);
      disk.fill();
      const before = [client.putManifest("v1", manifest), client.fetch("blobs/uploads/", { method: "POST" })];
      for (const response of await Promise.all(before)) {
        expect([response.status, await response.json()]).toEqual([507, NO_ROOM]);
      }
      await client.verifyImage("kept");
      expect((await client.fetch("manifests/large", { method: "DELETE" })).status).toBe(202);
      for (const command of ["/users add bob change-me", "/users disable bob", "/jobs run gc"]) {
        expect(await loginAndRun(server, command)).toMatchObject({ code: 0, stderr: "" });
      }
      const gc = await run([binary(), "gc", "--data-dir", server.dataDir]);
      expect([gc.code, gc.stderr]).toEqual([0, ""]);
      expect(server.log()).toContain("the room in reserve (8192 KiB) is given up");
      // What is given up is not for pushes.
      for (let i = 0; i < 20; i++) expect((await client.putManifest(`v${i}`, manifest)).status).toBe(507);
      disk.free();
      expect(await eventually(async () => (await client.putManifest("v1", manifest)).status === 201)).toBe(
        true,
      );
      const pushes = Array.from({ length: 20 }, (_, i) => client.putManifest(`many${i}`, manifest));
      expect(new Set((await Promise.all(pushes)).map(({ status }) => status))).toEqual(new Set([201]));
      await client.pushImage("after", 100_000);
      expect(await loginAndRun(server, "/users enable bob")).toMatchObject({ code: 0 });
      for (const store of [STORE, "everlock-users", "everlock-system"]) {
        expect(await eventually(() => leftovers(server, store).length === 0)).toBe(true);
      }
      expect(await server.end("SIGTERM")).toBe(0);
      await must(["git", "-C", `${server.dataDir}/${STORE}`, "fsck", "--strict", "--no-progress"]);
    }, 60_000);

    test("refuses a chunk of an upload with 507, keeps the acknowledged bytes, and resumes the upload once there is space", async () => {
      const { disk, client } = await startOnSmallDisk();
      const bytes = randomBytes(3_000_000);
      const location = await client.startUpload();
      const patch = (from: number, to: number) =>
        client.fetch(location, { method: "PATCH", body: new Uint8Array(bytes.slice(from, to)) });
      expect((await patch(0, 1_000_000)).status).toBe(202);
      disk.fill();
      const refused = await patch(1_000_000, bytes.length);
      expect([refused.status, await refused.json()]).toEqual([507, NO_ROOM]);
      expect((await client.fetch(location)).headers.get("Range")).toBe("0-999999");
      disk.free();
      const goesOn = async () => (await patch(1_000_000, bytes.length)).status === 202;
      expect(await eventually(goesOn)).toBe(true);
      const digest = digestOf(bytes);
      expect((await client.fetch(`${location}?digest=${digest}`, { method: "PUT" })).status).toBe(201);
      expect(digestOf(await bytesOf(await client.fetch(`blobs/${digest}`)))).toBe(digest);
    }, 60_000);

    test("starts without a free byte, serves and deletes", async () => {
      const { disk, server, client } = await startOnSmallDisk();
      await client.pushImage("large", 1_000_000);
      expect(await server.end("SIGTERM")).toBe(0);
      disk.fill();
      const again = await startEverlock({ dataDir: server.dataDir });
      const sameClient = new RegistryClient(again.httpPort, "app");
      await sameClient.verifyImage("kept");
      expect((await sameClient.fetch("manifests/large", { method: "DELETE" })).status).toBe(202);
      expect(await again.end("SIGTERM")).toBe(0);
    }, 60_000);

    test("starts without its reserve, and all registries are in service once there is space", async () => {
      const { disk, server } = await startOnSmallDisk("20m");
      expect(await server.end("SIGTERM")).toBe(0);
      // Not enough to open the store of the registry, as a rule.
      for (const kibibytes of [0, 32, 48]) {
        rmSync(reserveOf(disk), { force: true });
        disk.fill(kibibytes * 1024);
        const again = await startEverlock({ dataDir: server.dataDir });
        const client = new RegistryClient(again.httpPort, "app");
        expect([200, 503]).toContain((await client.fetch("manifests/kept")).status);
        disk.free();
        expect(await eventually(async () => (await client.fetch("manifests/kept")).status === 200)).toBe(
          true,
        );
        await client.pushImage(`after${kibibytes}`);
        expect(await again.end("SIGTERM")).toBe(0);
      }
    }, 60_000);

    test("frees the bytes of an upload that did not fit, and stops on SIGTERM during many pushes", async () => {
      const { disk, server, client, manifest } = await startOnSmallDisk("40m");
      const location = await client.startUpload();
      const tooLarge = await client.fetch(location, {
        method: "PATCH",
        body: Buffer.from(randomBytes(60 << 20)),
      });
      expect([tooLarge.status, await tooLarge.json()]).toEqual([507, NO_ROOM]);
      expect((await client.putManifest("after", manifest)).status).toBe(201);
      disk.fill();
      let refused = 0;
      const writers = Array.from({ length: 20 }, async (_, i) => {
        for (let status = 507; status === 507; refused++) {
          status = await client.putManifest(`w${i}`, manifest).then(
            (response) => response.status,
            () => 0,
          );
        }
      });
      expect(await eventually(() => refused > 100)).toBe(true);
      expect(await server.end("SIGTERM")).toBe(0);
      await Promise.all(writers);
    }, 60_000);

    test("whose reserve was used up by other programs returns clear errors, and recovers once there is space", async () => {
      const { disk, server, client, manifest } = await startOnSmallDisk();
      disk.fill();
      expect((await client.fetch("manifests/kept", { method: "DELETE" })).status).toBe(202);
      const second = `${disk.path}/second`;
      for (let size = 1 << 20; size > 0; size >>= 1) {
        try {
          for (;;) writeFileSync(second, Buffer.alloc(size), { flag: "a" });
        } catch {}
      }
      for (let round = 0; round < 5; round++) {
        const refused = await server.console(`/users add user${round} change-me`);
        expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("no room on the disk") });
        expect((await client.putManifest("v1", manifest)).status).toBe(507);
      }
      disk.free();
      expect(await eventually(async () => (await client.putManifest("v1", manifest)).status === 201)).toBe(
        true,
      );
      expect(await loginAndRun(server, "/users add carol change-me")).toMatchObject({ code: 0 });
      expect(await server.end("SIGTERM")).toBe(0);
    }, 60_000);
  });
});
