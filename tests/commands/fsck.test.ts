import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { digestHex } from "../../src/primitives/digest.ts";
import { binary } from "../support/binary.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { flipBit } from "../support/flipped-bit.ts";
import { preparedOnce } from "../support/prepared-directory.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";

const STORE = "everlock-oci-local";

function fsck(dataDir: string, ...args: string[]) {
  return run([binary(), "fsck", ...args, "--data-dir", dataDir], { cwd: temporaryDirectory() });
}

const prepared = preparedOnce(async () => {
  const server = await startEverlock();
  await addAlice(server);
  const client = new RegistryClient(server.httpPort, "app");
  const images = [await client.pushImage("v1"), await client.pushImage("v2")] as const;
  // Has the history told what was pushed.
  await server.console("/oci log default");
  await server.end("SIGTERM");
  return { dataDir: server.dataDir, images };
});

async function stoppedWithImages() {
  const { dataDir, images } = await prepared();
  const blobPath = (layer: string) =>
    `${dataDir}/${STORE}/blobs/sha256/${layer.slice(7, 9)}/${digestHex(layer as (typeof images)[0]["layer"])}`;
  return { dataDir, images, blobPath };
}

describeWith(["ssh", "sshpass"], "everlock fsck", () => {
  test("finds no problem in intact stores", async () => {
    const { dataDir } = await stoppedWithImages();
    const { code, stdout, stderr } = await fsck(dataDir);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^everlock-oci-local: 2 commits, \d+ objects, 4 blobs: no damage$/m);
    expect(stdout).toMatch(/^everlock-users: 3 commits, \d+ objects: no damage$/m);
  });

  test("names damaged and missing blobs with the tags that reference them", async () => {
    const { dataDir, images, blobPath } = await stoppedWithImages();
    const [first, second] = images;
    const bytes = readFileSync(blobPath(first.layer));
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(blobPath(first.layer), bytes);
    await Bun.file(blobPath(second.layer)).delete();
    const { code, stdout, stderr } = await fsck(dataDir, STORE);
    expect([code, stderr]).toEqual([1, "everlock: 2 problems found\n"]);
    expect(stdout).toContain(`blob ${first.layer} is damaged; needed by app:v1\n`);
    expect(stdout).toContain(`blob ${second.layer} is missing; needed by app:v2\n`);
  });

  test("checks the other stores if one can't be opened", async () => {
    const { dataDir } = await stoppedWithImages();
    rmSync(`${dataDir}/${STORE}/objects`, { recursive: true });
    const { code, stdout, stderr } = await fsck(dataDir);
    expect([code, stderr]).toEqual([1, "everlock: 1 problem found\n"]);
    expect(stdout).toContain(`${STORE}: can't be opened: `);
    expect(stdout).toMatch(/^everlock-users: 3 commits, \d+ objects: no damage$/m);
  });

  test("names objects whose content does not match their name", async () => {
    const { dataDir } = await stoppedWithImages();
    const dir = `${dataDir}/${STORE}/objects/pack`;
    const packs = readdirSync(dir)
      .filter((name) => name.endsWith(".pack"))
      .map((name) => `${dir}/${name}`)
      .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs);
    // The older commit first, which leaves the newest readable, then all.
    for (const [pack, message] of [
      [packs[0] ?? "", /^everlock-oci-local: commit [0-9a-f]{64}.*is damaged: /m],
      [packs[1] ?? "", /^everlock-oci-local: can't be opened: .* is damaged: /m],
    ] as const) {
      const bytes = readFileSync(pack);
      for (let at = 40; at < bytes.length - 40; at += 50) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      writeFileSync(pack, bytes);
      const { code, stdout } = await fsck(dataDir, STORE);
      expect(code).toBe(1);
      expect(stdout).toMatch(message);
    }
  });

  test("names a derived file that is damaged or differs from the commits, and does not change it", async () => {
    const { dataDir } = await stoppedWithImages();
    for (const file of ["index.sqlite", "history.sqlite", "links.sqlite"]) {
      const path = `${dataDir}/${STORE}/${file}`;
      const whole = readFileSync(path);
      for (const offset of [0, 18, 4096, 4097]) {
        flipBit(path, offset, 1);
        const damaged = readFileSync(path);
        const { code, stdout } = await fsck(dataDir, STORE);
        expect([offset, code]).toEqual([offset, 1]);
        expect(stdout).toContain(`everlock-oci-local: ${file} is damaged (`);
        expect(readFileSync(path).equals(damaged)).toBe(true);
        writeFileSync(path, whole);
      }
    }
    const history = new Database(`${dataDir}/${STORE}/history.sqlite`);
    history.run("DELETE FROM mentions");
    history.close();
    const { code, stdout } = await fsck(dataDir, STORE);
    expect(code).toBe(1);
    expect(stdout).toContain("history.sqlite is damaged (it differs from the commits)");
  }, 60_000);

  test("accepts derived files that are missing, of another version, or behind", async () => {
    const { dataDir } = await stoppedWithImages();
    const index = new Database(`${dataDir}/${STORE}/index.sqlite`);
    index.run("PRAGMA user_version = 1");
    index.close();
    rmSync(`${dataDir}/${STORE}/history.sqlite`);
    const { code, stdout } = await fsck(dataDir, STORE);
    expect([code, stdout]).toEqual([0, expect.stringContaining("4 blobs: no damage")]);
  });

  test("detects changed rows in an index", async () => {
    const { dataDir } = await stoppedWithImages();
    const index = new Database(`${dataDir}/${STORE}/index.sqlite`);
    index.run("UPDATE tags SET tag = 'v3' WHERE tag = 'v2'");
    index.close();
    const { code, stdout } = await fsck(dataDir, STORE);
    expect(code).toBe(1);
    expect(stdout).toContain("index.sqlite is damaged (a row has another sum)");
  });

  test("names a pack or pack index with a wrong checksum, even if every object in it can be read", async () => {
    const { dataDir } = await stoppedWithImages();
    const dir = `${dataDir}/${STORE}/objects/pack`;
    for (const suffix of [".pack", ".idx"]) {
      const path = `${dir}/${readdirSync(dir).find((name) => name.endsWith(suffix))}`;
      const whole = readFileSync(path);
      flipBit(path, whole.length - 1, 1);
      const { code, stdout } = await fsck(dataDir, STORE);
      expect([code, stdout]).toEqual([
        1,
        expect.stringContaining(`${path}: its content does not match the checksum at its end\n`),
      ]);
      writeFileSync(path, whole);
    }
    expect((await fsck(dataDir, STORE)).code).toBe(0);
  });

  test("reports a store without its branch, and the server refuses to start with an empty users store", async () => {
    const { dataDir } = await stoppedWithImages();
    for (const store of [STORE, "everlock-users"]) rmSync(`${dataDir}/${store}/refs/heads/main`);
    const { code, stdout, stderr } = await fsck(dataDir);
    expect([code, stderr]).toEqual([1, "everlock: 2 problems found\n"]);
    for (const store of [STORE, "everlock-users"]) {
      const missing = `${dataDir}/${store}/refs/heads/main is missing (from packed-refs as well)`;
      expect(stdout).toContain(
        `${store}: can't be opened: the store '${store}' is damaged: ${missing}, but `,
      );
    }
    await expect(startEverlock({ dataDir })).rejects.toThrow("the store 'everlock-users' is damaged");
  });

  test("has clear errors for wrong usage", async () => {
    const { dataDir } = await stoppedWithImages();
    const unknown = await fsck(dataDir, "nowhere");
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      "everlock: there is no store 'nowhere'; there are everlock-oci-local, everlock-system, everlock-users\n",
    ]);
    const nothing = await fsck(`${dataDir}/none`);
    expect([nothing.code, nothing.stderr]).toEqual([
      2,
      expect.stringContaining("there is no data directory"),
    ]);
    const server = await startEverlock({ dataDir });
    expect((await fsck(dataDir)).stderr).toContain("is in use by another server");
    await server.end();
  });
});
