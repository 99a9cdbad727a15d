import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { jobLease } from "../../src/backends/oci-http/upkeep/leased-jobs.ts";
import { parseDigest } from "../../src/primitives/digest.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { ContentKeys } from "../../src/primitives/store/engine/s3/content/content-keys.ts";
import { S3Leases } from "../../src/primitives/store/engine/s3/shared/s3-leases.ts";
import { newDirectory, restore } from "../support/backup-commands.ts";
import { binary } from "../support/binary.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { NODE_ENV, nodeArgs, startNode } from "../support/s3-cluster.ts";
import { bucketAt, sharedS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

const STORE = "everlock-oci-local";
const backUp = (location: S3Location, dir: string) =>
  run([binary(), "backup", dir, ...nodeArgs(location)], { cwd: temporaryDirectory(), env: NODE_ENV });
const idsOf = async (dir: string) =>
  (await must(["git", "-C", `${dir}/${STORE}`, "log", "--format=%H", "main"])).trim().split("\n");

describeWith(["versitygw", "ssh", "sshpass", "git"], "everlock backup of a bucket", () => {
  const bucketFor = sharedS3Server();

  test("beside a node restores to a data directory with the same commits, users and keys; a second one copies what is new", async () => {
    const location = bucketFor();
    const node = await startNode(location);
    await addAlice(node);
    const client = new RegistryClient(node.httpPort, "team/app");
    await client.pushImage("v1");
    await client.pushImage("v2", 3_000_000);
    const dir = newDirectory("backup");
    const first = await backUp(location, dir);
    expect([first.code, first.stderr]).toEqual([0, ""]);
    expect(first.stdout).toMatch(/^everlock-oci-local: .* 4 blobs, of which 4 were copied/m);
    await client.pushImage("v3");
    const second = await backUp(location, dir);
    expect([second.code, second.stderr]).toEqual([0, ""]);
    expect(second.stdout).toMatch(/^everlock-oci-local: .* 6 blobs, of which 2 were copied/m);
    const pushed = await idsOf(dir);
    expect((await node.console("/oci log default team/app:v3")).stdout).toContain(
      (pushed[0] ?? "").slice(0, 12),
    );
    await node.end();

    const dataDir = newDirectory("restored");
    expect(await restore(dir, dataDir)).toMatchObject({ code: 0, stderr: "" });
    expect(await idsOf(dataDir)).toEqual(pushed);
    const keys = bucketAt(location);
    for (const name of ["token_key", "ssh_host_ed25519_key"])
      expect(new Uint8Array(readFileSync(`${dataDir}/${name}`))).toEqual(
        (await keys.read(`secrets/${name}`))?.bytes ?? new Uint8Array(),
      );
    const fsck = await run([binary(), "fsck", "--data-dir", dataDir]);
    expect([fsck.code, fsck.stderr]).toEqual([0, ""]);
    const server = await startEverlock({ dataDir });
    const restored = new RegistryClient(server.httpPort, "team/app");
    for (const tag of ["v1", "v2", "v3"]) await restored.verifyImage(tag);
  }, 90_000);

  test("names blobs that are damaged or missing, and copies all others", async () => {
    const location = bucketFor();
    const node = await startNode(location);
    await addAlice(node);
    const client = new RegistryClient(node.httpPort, "app");
    const [one, two] = [await client.pushImage("v1"), await client.pushImage("v2")];
    await node.end();
    const bucket = bucketAt(location);
    const key = (digest: string) => new ContentKeys(STORE).blob(parseDigest(digest) ?? one.layer);
    const found = await bucket.read(key(one.layer));
    if (found)
      await bucket.put(
        key(one.layer),
        found.bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte)),
        found,
      );
    await bucket.remove(key(two.layer));
    const dir = newDirectory("backup");
    const { code, stdout, stderr } = await backUp(location, dir);
    expect(stdout).toMatch(/^everlock-oci-local: .* 2 blobs, of which 2 were copied/m);
    expect([code, stderr]).toEqual([
      1,
      `everlock-oci-local: the blob ${one.layer} is damaged and was skipped
everlock-oci-local: the blob ${two.layer} is missing; needed by app@${two.digest}
everlock: 2 blobs are damaged or missing in s3://${location.bucket}/${location.prefix}; everything else was copied to ${dir}
`,
    ]);
    const partial = newDirectory("partial");
    expect((await restore(dir, partial)).code).toBe(1);
    expect((await restore(dir, partial, "--partial")).code).toBe(0);
  }, 60_000);

  test("waits while a node collects, and lets none collect meanwhile", async () => {
    const location = bucketFor();
    await (await startNode(location)).end();
    const leases = new S3Leases(bucketAt(location), "node-1");
    const held = await leases.acquire(jobLease("gc"), "node-1");
    if (held.kind !== "acquired") throw new Error("the lease is held");
    const dir = newDirectory("backup");
    const child = Bun.spawn([binary(), "backup", dir, ...nodeArgs(location)], {
      stdout: "ignore",
      stderr: "pipe",
      cwd: temporaryDirectory(),
      env: { ...process.env, ...NODE_ENV },
    });
    const reader = child.stderr.getReader();
    const told = Buffer.from((await reader.read()).value ?? []).toString();
    expect(told).toBe("waiting for the end of a collection or backup: node-1\n");
    expect(existsSync(`${dir}/${STORE}`)).toBe(false);
    // A command that is ended leaves nothing behind: copies of commits hold hashes of passwords.
    const ended = await endedWhileWaiting(location);
    expect(ended).toEqual({ code: 130, left: [] });
    await held.lease.release();
    expect(await child.exited).toBe(0);
    expect((await leases.acquire(jobLease("gc"), "node-1")).kind).toBe("acquired");
  }, 60_000);

  test("is not restored to a bucket, but says what moves it there", async () => {
    const location = bucketFor();
    const { code, stderr } = await run(
      [binary(), "restore-backup", newDirectory("backup"), ...nodeArgs(location)],
      { cwd: temporaryDirectory(), env: NODE_ENV },
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining("'everlock storage copy <dir> s3://")]);
  });
});

async function endedWhileWaiting(location: S3Location) {
  const temporary = temporaryDirectory();
  const child = Bun.spawn([binary(), "backup", newDirectory("ended"), ...nodeArgs(location)], {
    stdout: "ignore",
    stderr: "pipe",
    cwd: temporaryDirectory(),
    env: { ...process.env, ...NODE_ENV, TMPDIR: temporary },
  });
  await child.stderr.getReader().read();
  child.kill("SIGINT");
  return { code: await child.exited, left: readdirSync(temporary) };
}
