import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { bytesOf, RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

const PUSHERS = 16;
const APPS = 4;
const everlock = (...args: string[]) => run([binary(), ...args], { cwd: temporaryDirectory() });

/** Clients that push one image after the other until they are told to end. */
function pushOn(server: Everlock) {
  let isOver = false;
  /** The tags that were acknowledged, each as `app/tag`. */
  const acknowledged: string[] = [];
  const pushers = Array.from({ length: PUSHERS }, async (_, i) => {
    const app = `app${i % APPS}`;
    const client = new RegistryClient(server.httpPort, `team/${app}`);
    for (let count = 0; !isOver; count++) {
      await client.pushImage(`v${i}-${count}`, 50_000);
      acknowledged.push(`${app}/v${i}-${count}`);
    }
  });
  return {
    acknowledged,
    /** Resolves when so many more were acknowledged. */
    async more(images: number) {
      const enough = acknowledged.length + images;
      expect(await eventually(() => acknowledged.length >= enough)).toBe(true);
    },
    async end() {
      isOver = true;
      await Promise.all(pushers);
      return acknowledged.length;
    },
  };
}

/** Every image that the registry lists, as `app/tag`, each verified. */
async function verifyAll(server: Everlock): Promise<Set<string>> {
  const images = new Set<string>();
  for (let i = 0; i < APPS; i++) {
    const client = new RegistryClient(server.httpPort, `team/app${i}`);
    const { tags } = JSON.parse(new TextDecoder().decode(await bytesOf(await client.fetch("tags/list"))));
    for (const tag of tags) {
      await client.verifyImage(tag);
      images.add(`app${i}/${tag}`);
    }
  }
  return images;
}

const copiedOf = (output: string) =>
  Number(output.match(/^everlock-oci-local: .* of which (\d+) were copied/m)?.[1]);

describeWith(["ssh", "sshpass", "git"], "everlock backup", () => {
  test("made during many pushes restores a complete registry, and a second one copies only new files", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const dir = `${temporaryDirectory()}/backup`;
    const flags = ["--data-dir", server.dataDir];
    const pushes = pushOn(server);
    await pushes.more(4 * PUSHERS);
    const first = await everlock("backup", dir, ...flags);
    expect([first.code, first.stderr]).toEqual([0, ""]);
    await pushes.more(2 * PUSHERS);
    const second = await everlock("backup", dir, ...flags);
    expect(second.code).toBe(0);
    const pushed = await pushes.end();
    expect(copiedOf(first.stdout)).toBeGreaterThan(2 * PUSHERS);
    expect(copiedOf(second.stdout)).toBeGreaterThan(0);
    expect(copiedOf(second.stdout)).toBeLessThan(2 * pushed);
    const third = await everlock("backup", dir, ...flags);
    expect(copiedOf(third.stdout) + copiedOf(second.stdout) + copiedOf(first.stdout)).toBe(2 * pushed);
    expect(copiedOf((await everlock("backup", dir, ...flags)).stdout)).toBe(0);
    await server.end();

    const dataDir = `${temporaryDirectory()}/data`;
    const restored = await everlock("restore-backup", dir, "--data-dir", dataDir);
    expect([restored.code, restored.stderr]).toEqual([0, ""]);
    const again = await startEverlock({ dataDir });
    expect((await verifyAll(again)).size).toBe(pushed);
    for (const store of ["everlock-oci-local", "everlock-users", "everlock-system"])
      expect(
        await must([
          "git",
          "-C",
          `${dataDir}/${store}`,
          "fsck",
          "--strict",
          "--no-progress",
          "--no-dangling",
        ]),
      ).toBe("");
    expect((await again.console("/oci log default limit=1 --json")).stdout).toContain('"user":"alice"');
    await new RegistryClient(again.httpPort, "team/app0").pushImage("after");
  }, 60_000);

  // Commits that came while it was made may be in it already, though no ref leads there yet: git calls them dangling.
  test("made during pushes has every image acknowledged before it, and lists no incomplete image", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const dir = `${temporaryDirectory()}/backup`;
    const pushes = pushOn(server);
    await pushes.more(4 * PUSHERS);
    const before = [...pushes.acknowledged];
    expect((await everlock("backup", dir, "--data-dir", server.dataDir)).code).toBe(0);
    const pushed = await pushes.end();
    await server.end();
    const dataDir = `${temporaryDirectory()}/data`;
    expect((await everlock("restore-backup", dir, "--data-dir", dataDir)).code).toBe(0);
    const again = await startEverlock({ dataDir });
    const images = await verifyAll(again);
    expect(before.filter((image) => !images.has(image))).toEqual([]);
    expect(images.size).toBeLessThan(pushed);
    expect(
      await must([
        "git",
        "-C",
        `${dataDir}/everlock-oci-local`,
        "fsck",
        "--strict",
        "--no-progress",
        "--no-dangling",
      ]),
    ).toBe("");
    await again.end();
    expect((await everlock("fsck", "--data-dir", dataDir)).stdout).toContain("everlock-oci-local: ");
  }, 60_000);

  test("and garbage collection wait for each other, and nothing else waits", async () => {
    const server = await startEverlock();
    await addAlice(server);
    await new RegistryClient(server.httpPort, "app").pushImage("v1");
    const dir = `${temporaryDirectory()}/backup`;
    const [backup, gc] = await Promise.all([
      everlock("backup", dir, "--data-dir", server.dataDir),
      everlock("gc", "--data-dir", server.dataDir),
    ]);
    expect([backup.code, gc.code]).toEqual([0, 0]);
    expect((await server.console("/jobs run gc")).code).toBe(0);
  }, 20_000);

  test("without a server copies everything, and names and skips damaged blobs", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const { layer } = await new RegistryClient(server.httpPort, "app").pushImage("v1");
    await server.end();
    const hex = layer.slice("sha256:".length);
    const path = `${server.dataDir}/everlock-oci-local/blobs/sha256/${hex.slice(0, 2)}/${hex}`;
    const { size } = statSync(path);
    writeFileSync(path, "x".repeat(size));
    utimesSync(path, 1, 1);
    const dir = `${temporaryDirectory()}/backup`;
    const { code, stderr } = await everlock("backup", dir, "--data-dir", server.dataDir);
    expect(code).toBe(1);
    expect(stderr).toStartWith(`everlock-oci-local: the blob ${layer} is damaged and was skipped\n`);
    const dataDir = `${temporaryDirectory()}/data`;
    const restored = await everlock("restore-backup", dir, "--data-dir", dataDir);
    expect([restored.code, restored.stderr]).toEqual([
      1,
      expect.stringContaining(`the blob ${layer} is missing; needed by app@`),
    ]);
    expect((await everlock("restore-backup", dir, "--data-dir", dataDir, "--partial")).code).toBe(0);
  });

  test("never changes a directory that is not a backup", async () => {
    const server = await startEverlock();
    const flags = ["--data-dir", server.dataDir];
    const other = temporaryDirectory();
    mkdirSync(`${other}/photos`);
    const mode = statSync(other).mode;
    const refused = await everlock("backup", other, ...flags);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining("contains something other than a backup"),
    ]);
    expect(statSync(other).mode).toBe(mode);
    expect((await everlock("backup", server.dataDir, ...flags)).stderr).toContain(
      "is the data directory itself",
    );
    expect((await everlock("backup", ...flags)).stderr).toBe(
      "everlock: use: everlock backup <dir> [--data-dir <dir> | --storage s3://<bucket>/<prefix>]\n",
    );
    expect((await everlock("restore-backup", other, ...flags)).stderr).toContain("is not a backup");
    const dir = `${temporaryDirectory()}/backup`;
    expect((await everlock("backup", dir, ...flags)).code).toBe(0);
    expect((await everlock("restore-backup", dir, ...flags)).stderr).toContain("is not empty");
    expect(existsSync(`${dir}/token_key`)).toBe(true);
    expect(readdirSync(other)).toEqual(["photos"]);
  });
});
