import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { type Digest, digestHex, digestOf } from "../../src/primitives/digest.ts";
import { binary } from "../support/binary.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

/** Seconds that servers give a blob nobody has named yet: longer where a test has to be quicker than they are over. */
const GRACE = 1;
const LONG_GRACE = 3;

/** Resolves once so many seconds are over for every thread: they count whole seconds, and differ by one at the most. */
const over = (seconds: number) => Bun.sleep(seconds * 1000 + 2100);

async function start(grace = GRACE) {
  const server = await startEverlock({ args: ["--gc-grace", `${grace}s`] });
  await addAlice(server, "owner");
  return { server, client: new RegistryClient(server.httpPort, "app") };
}

function blobPath({ dataDir }: Everlock, digest: Digest): string {
  const hex = digestHex(digest);
  return `${dataDir}/everlock-oci-local/blobs/sha256/${hex.slice(0, 2)}/${hex}`;
}

async function console(server: Everlock, command: string): Promise<string> {
  const { code, stdout, stderr } = await server.console(command);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

function gc(dataDir: string, ...args: string[]) {
  return run([binary(), "gc", "--data-dir", dataDir, ...args], { cwd: temporaryDirectory() });
}

const REPORT = /everlock-oci-local: (removed|would remove) (\d+) tags?, (\d+) manifests?, (\d+) blobs?/;

describeWith(["git", "ssh", "sshpass"], "garbage collection", () => {
  test("does not disturb pushes and pulls", async () => {
    const { server } = await start();
    const clients = Array.from({ length: 8 }, (_, i) => new RegistryClient(server.httpPort, `app${i % 4}`));
    const pushed: [RegistryClient, string, Digest][] = [];
    let isOver = false;
    const work = clients.map(async (client, i) => {
      for (let round = 0; !isOver; round++) {
        const tag = `t${i}-${round}`;
        const { digest } = await client.pushImage(tag, 3000);
        pushed.push([client, tag, digest]);
        const lost = randomBytes(2000);
        await client.pushBlob(lost);
        // Deleted and pushed again, a digest is always complete.
        if (round % 3 === 0) {
          const manifest = await (await client.fetch(`manifests/${tag}`)).text();
          await client.fetch(`manifests/${digest}`, { method: "DELETE" });
          for (const blob of blobsOf(manifest)) {
            const head = await client.fetch(`blobs/${blob}`, { method: "HEAD" });
            if (head.status !== 200) throw new Error(`${blob} is gone within its time of grace`);
          }
          const again = await client.putManifest(tag, manifest);
          if (again.status !== 201) throw new Error(await again.text());
        }
        await client.verifyImage(tag);
      }
    });
    await console(server, "/oci set default retention=1s --yes");
    const ends = Date.now() + 4000;
    let removed = 0;
    while (removed === 0 || Date.now() < ends) {
      const { code, stdout, stderr } = await gc(server.dataDir);
      expect([code, stderr]).toEqual([0, ""]);
      removed += Number(stdout.match(REPORT)?.[4]);
    }
    isOver = true;
    await Promise.all(work);
    expect(removed).toBeGreaterThan(0);
    await over(GRACE);
    await gc(server.dataDir);
    for (const [client, tag, digest] of pushed) expect(await client.verifyImage(tag)).toBe(digest);
    expect(readdirSync(`${server.dataDir}/everlock-oci-local/blobs/removed`)).toEqual([]);
  }, 60_000);

  test.concurrent("removes uploaded blobs that no manifest references, and no others", async () => {
    const { server, client } = await start(LONG_GRACE);
    const image = await client.pushImage("v1");
    const lost = await client.pushBlob(randomBytes(5000));
    expect((await gc(server.dataDir)).stdout.match(REPORT)?.slice(1)).toEqual(["removed", "0", "0", "0"]);
    await over(LONG_GRACE);

    const dry = await gc(server.dataDir, "--dry-run");
    expect([dry.code, dry.stdout.match(REPORT)?.slice(1)]).toEqual([0, ["would remove", "0", "0", "1"]]);
    expect(existsSync(blobPath(server, lost))).toBe(true);
    expect((await console(server, "/jobs run gc")).match(REPORT)?.slice(1)).toEqual([
      "removed",
      "0",
      "0",
      "1",
    ]);
    expect(existsSync(blobPath(server, lost))).toBe(false);
    expect((await client.fetch(`blobs/${lost}`, { method: "HEAD" })).status).toBe(404);
    expect(await client.verifyImage("v1")).toBe(image.digest);
    expect(await console(server, "/jobs list")).toMatch(/^ {2}gc +idle +6h .* removed 0 tags/m);
  }, 60_000);

  test.concurrent("keeps a blob that a client has just checked, and blobs of the history until their retention ends", async () => {
    const { server, client } = await start(LONG_GRACE);
    const found = await client.pushBlob(randomBytes(5000));
    const { layer } = await client.pushImage("v1");
    const manifest = (await client.fetch("manifests/v1")).headers.get("Docker-Content-Digest");
    expect((await client.fetch(`manifests/${manifest}`, { method: "DELETE" })).status).toBe(202);
    await over(LONG_GRACE);
    expect((await client.fetch(`blobs/${found}`, { method: "HEAD" })).status).toBe(200);
    await gc(server.dataDir);
    expect([found, layer].map((digest) => existsSync(blobPath(server, digest)))).toEqual([true, true]);

    await console(server, "/oci set default retention=1h --yes");
    await gc(server.dataDir);
    expect(existsSync(blobPath(server, layer))).toBe(true);
    await console(server, "/oci set default retention=1s --yes");
    expect(await console(server, "/oci list")).toContain("retention=1s");
    await over(LONG_GRACE);
    await gc(server.dataDir);
    expect([found, layer].map((digest) => existsSync(blobPath(server, digest)))).toEqual([false, false]);
    const { stderr } = await server.console(`/oci restore default app:v1 ${await firstCommit(server)} --yes`);
    expect(stderr).toContain("the store no longer has");
    expect(stderr).toContain(layer);
  }, 60_000);

  test.concurrent("keeps the blobs that a registry at a past state serves", async () => {
    const { server, client } = await start();
    const { layer, digest } = await client.pushImage("v1");
    await console(server, "/oci create frozen store=everlock-oci-local at=0s vhost=frozen.localhost");
    await console(server, "/users grant alice http/oci/frozen reader");
    await console(server, "/oci set default retention=1s --yes");
    expect((await client.fetch(`manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
    await over(GRACE);
    await gc(server.dataDir);
    expect(existsSync(blobPath(server, layer))).toBe(true);
    await console(server, "/oci delete frozen --yes");
    await gc(server.dataDir);
    expect(existsSync(blobPath(server, layer))).toBe(false);
  }, 60_000);

  test.concurrent("keeps the blobs of an image that is deleted while it runs", async () => {
    const { server, client } = await start();
    const { layer, digest } = await client.pushImage("v1");
    const commit = (
      await must(["git", "-C", `${server.dataDir}/everlock-oci-local`, "rev-parse", "main"])
    ).trim();
    expect((await client.fetch(`manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
    await over(GRACE);
    // The link of the upload goes, the bytes stay for the history; then the image is named again, and has no link.
    await gc(server.dataDir);
    expect((await client.fetch(`blobs/${layer}`, { method: "HEAD" })).status).toBe(404);
    await console(server, `/oci restore default app:v1 ${commit} --yes`);
    for (let i = 0; i < 200; i++) await client.pushBlob(randomBytes(100));
    await over(GRACE);
    const [{ code }] = await Promise.all([
      gc(server.dataDir),
      Bun.sleep(50).then(() => client.fetch(`manifests/${digest}`, { method: "DELETE" })),
    ]);
    expect(code).toBe(0);
    expect(existsSync(blobPath(server, layer))).toBe(true);
    await console(server, `/oci restore default app:v1 ${commit} --yes`);
    expect(await client.verifyImage("v1")).toBe(digest);
  }, 60_000);

  test.concurrent("applies the cleanup rules in one commit, which a dry run lists before", async () => {
    const { server, client } = await start();
    for (const tag of ["v1", "v2", "nightly-1", "nightly-2", "nightly-3"]) await client.pushImage(tag);
    const other = new RegistryClient(server.httpPort, "other/app");
    for (const tag of ["a", "b", "c"]) await other.pushImage(tag);
    await console(server, "/oci set default cleanup=app,newest=2,keep=v* retention=1s --yes");
    expect(await console(server, "/oci list")).toContain("cleanup=app,newest=2,keep=v*");

    const dry = await gc(server.dataDir, "--dry-run");
    expect(dry.stdout).toContain("  app:nightly-1\n");
    expect(dry.stdout.match(REPORT)?.slice(1, 4)).toEqual(["would remove", "1", "0"]);
    expect((await gc(server.dataDir)).stdout.match(REPORT)?.slice(1, 4)).toEqual(["removed", "1", "0"]);
    const tags = (await (await client.fetch("tags/list")).json()) as { tags: string[] };
    expect(tags.tags).toEqual(["nightly-2", "nightly-3", "v1", "v2"]);
    const log = await must([
      "git",
      "-C",
      `${server.dataDir}/everlock-oci-local`,
      "log",
      "-1",
      "--format=%an %s",
    ]);
    expect(log).toBe("Everlock System clean up app\n");

    await console(server, "/oci set default cleanup=app,untagged=1s --yes");
    await over(GRACE);
    const cleaned = (await gc(server.dataDir)).stdout.match(REPORT) ?? [];
    expect(cleaned.slice(1, 4)).toEqual(["removed", "0", "1"]);
    await over(GRACE);
    // On a busy machine the time of retention may be over before the first run has come to the blobs.
    const collected = (await gc(server.dataDir)).stdout.match(REPORT) ?? [];
    expect(Number(cleaned[4]) + Number(collected[4])).toBe(2);
    for (const tag of tags.tags) await client.verifyImage(tag);
    for (const tag of ["a", "b", "c"]) await other.verifyImage(tag);
  }, 60_000);

  test.concurrent("runs without a server", async () => {
    const { server, client } = await start();
    const lost = await client.pushBlob(randomBytes(5000));
    await client.pushImage("v1");
    await server.end();
    await over(GRACE);
    const { code, stdout } = await gc(server.dataDir, "--gc-grace", "1s");
    expect([code, stdout.match(REPORT)?.slice(1)]).toEqual([0, ["removed", "0", "0", "1"]]);
    expect(existsSync(blobPath(server, lost))).toBe(false);
    const again = await startEverlock({ dataDir: server.dataDir });
    await new RegistryClient(again.httpPort, "app").verifyImage("v1");
    expect(await again.console("/jobs run nonsense")).toMatchObject({
      code: 5,
      stderr: "error: no job 'nonsense'; there are gc, scrub, sync\n",
    });
    expect((await again.console("/jobs cancel gc")).stderr).toBe("error: the job 'gc' is not running\n");
  }, 60_000);
});

function blobsOf(manifest: string): Digest[] {
  const { config, layers } = JSON.parse(manifest) as {
    config: { digest: Digest };
    layers: { digest: Digest }[];
  };
  return [config, ...layers].map(({ digest }) => digest);
}

async function firstCommit({ dataDir }: Everlock): Promise<string> {
  const log = await must(["git", "-C", `${dataDir}/everlock-oci-local`, "log", "--reverse", "--format=%H"]);
  return log.split("\n")[0] ?? "";
}

describeWith(["ssh", "sshpass"], "a damaged blob", () => {
  test.concurrent("is not served after its file was changed, and is repaired by a new push", async () => {
    const { server, client } = await start();
    for (const size of [3000, 200_000]) {
      const bytes = randomBytes(size);
      const digest = await client.pushBlob(bytes);
      const path = blobPath(server, digest);
      const damaged = Buffer.from(bytes);
      damaged[100] = (damaged[100] ?? 0) ^ 1;
      await Bun.write(path, damaged);
      expect((await client.fetch(`blobs/${digest}`)).status).toBe(404);
      expect((await client.fetch(`blobs/${digest}`, { method: "HEAD" })).status).toBe(404);
      expect(readdirSync(`${server.dataDir}/everlock-oci-local/blobs/damaged`)).toContain(
        `sha256-${digestHex(digest)}`,
      );
      await client.pushBlob(bytes);
      const healed = await (await client.fetch(`blobs/${digest}`)).arrayBuffer();
      expect(digestOf(new Uint8Array(healed))).toBe(digest);
    }
  });

  test.concurrent("with an unchanged modification time is found by a scrub, which names the tags", async () => {
    const { server, client } = await start();
    const { layer } = await client.pushImage("v1", 100_000);
    const sound = await client.pushImage("v2", 100_000);
    const path = blobPath(server, layer);
    const bytes = Buffer.from(await Bun.file(path).arrayBuffer());
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    await Bun.write(path, bytes);
    await must(["touch", "-d", "@1", path]);
    expect((await client.fetch(`blobs/${layer}`)).status).toBe(200);
    const report = await console(server, "/jobs run scrub");
    expect(report).toContain(`blob ${layer} is damaged; needed by app:v1`);
    expect(report).toMatch(/everlock-oci-local: 2 commits, \d+ objects, 4 blobs: 1 damaged or missing/);
    expect((await client.fetch(`blobs/${layer}`)).status).toBe(404);
    expect(await client.verifyImage("v2")).toBe(sound.digest);
    expect(await console(server, "/jobs run scrub")).toContain(`blob ${layer} is missing; needed by app:v1`);
  });
});
