import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { controlSocketPath } from "../../src/frontends/control/control-messages.ts";
import type { Digest } from "../../src/primitives/digest.ts";
import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import { storePath } from "../../src/primitives/store/commits/store-path.ts";
import { localStores } from "../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../src/primitives/store/store-manager.ts";
import { DataDirectory } from "../../src/server/data-directory.ts";
import {
  backUp,
  everlock,
  markerOf,
  newDirectory,
  pullAll,
  restore,
  serve,
} from "../support/backup-commands.ts";
import { binary } from "../support/binary.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { blobPath, filledDirectory } from "../support/data-directory.ts";
import { eventually } from "../support/eventually.ts";
import { preparedOnce } from "../support/prepared-directory.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { startTestServer } from "../support/test-server.ts";

// Each runs the executable several times, on a machine that may have other things to do.
setDefaultTimeout(60_000);

const preparedWith = (images: number) => preparedOnce(() => filledDirectory(images));
/** Data directories by their number of images. */
const filled = [preparedWith(0), preparedWith(1), preparedWith(2), preparedWith(3)] as const;

const STORES_WITH_COMMITS = ["everlock-oci-local", "everlock-users"];

/** As the disk does it: the size stays, and so does the time. */
function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  utimesSync(path, 1, 1);
}

describe("a backup that fails", () => {
  test("is unfinished even over a finished one, and can be resumed", async () => {
    const { dataDir } = await filled[2]();
    const dir = newDirectory("backup");
    expect((await backUp(dataDir, dir)).code).toBe(0);
    expect(markerOf(dir).finished).not.toBeNull();
    // A pack that the second backup has to copy, and can't.
    const packs = `${dataDir}/everlock-oci-local/objects/pack`;
    const [pack = ""] = readdirSync(packs).filter((name) => name.endsWith(".pack"));
    const sound = readFileSync(`${packs}/${pack}`);
    appendFileSync(`${packs}/${pack}`, "x");
    const failed = await backUp(dataDir, dir);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toStartWith(
      `everlock: the backup ${dir} is not finished: ${packs}/${pack} is damaged`,
    );
    expect(markerOf(dir).finished).toBeNull();
    const target = newDirectory("data");
    const refused = await restore(dir, target);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      `everlock: ${dir} is not finished; 'everlock backup' resumes it, and --partial restores what it contains\n`,
    ]);
    expect(existsSync(target)).toBe(false);
    writeFileSync(`${packs}/${pack}`, sound);
    expect((await backUp(dataDir, dir)).code).toBe(0);
    expect((await restore(dir, target)).code).toBe(0);
    await pullAll(target, 2);
  });

  test("names the stores that can't be copied, and copies the others", async () => {
    const { dataDir } = await filled[1]();
    const dir = newDirectory("backup");
    rmSync(`${dataDir}/everlock-oci-local/index.sqlite`);
    rmSync(`${dataDir}/everlock-oci-local/refs/heads/main`);
    const { code, stderr } = await backUp(dataDir, dir);
    expect([code, stderr]).toEqual([1, expect.stringContaining("the store 'everlock-oci-local' is damaged")]);
    expect(existsSync(`${dir}/everlock-oci-local/refs/heads/main`)).toBe(false);
    expect(existsSync(`${dir}/everlock-users/refs/heads/main`)).toBe(true);
  });

  test("because of damaged links names their store, and copies the others", async () => {
    const { dataDir } = await filled[1]();
    const dir = newDirectory("backup");
    flip(`${dataDir}/everlock-oci-local/links.sqlite`);
    const { code, stderr } = await backUp(dataDir, dir);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("everlock-oci-local/links.sqlite is damaged"),
    ]);
    expect(existsSync(`${dir}/everlock-users/refs/heads/main`)).toBe(true);
  });

  test("is restored with --partial, with uncopied stores as an earlier backup left them", async () => {
    const { dataDir } = await filled[2]();
    const dir = newDirectory("backup");
    expect((await backUp(dataDir, dir)).code).toBe(0);
    rmSync(`${dataDir}/everlock-oci-local/index.sqlite`);
    rmSync(`${dataDir}/everlock-oci-local/refs/heads/main`);
    expect((await backUp(dataDir, dir)).code).toBe(1);
    const target = newDirectory("data");
    expect(await restore(dir, target, "--partial")).toMatchObject({ code: 0, stderr: "" });
    await pullAll(target, 2);
  });

  test("before it copied anything is restored with --partial, which names the missing stores", async () => {
    const { dataDir } = await filled[1]();
    const dir = newDirectory("backup");
    for (const name of STORES_WITH_COMMITS) {
      rmSync(`${dataDir}/${name}/index.sqlite`, { force: true });
      rmSync(`${dataDir}/${name}/refs/heads/main`);
    }
    expect((await backUp(dataDir, dir)).code).toBe(1);
    const { code, stderr } = await restore(dir, newDirectory("data"), "--partial");
    expect([code, stderr]).toEqual([
      0,
      STORES_WITH_COMMITS.map((name) => `the store ${name} is missing\n`).join(""),
    ]);
  });

  test("while the server runs names an unused store that a crash has left with commits in its journal", async () => {
    const { dataDir } = await startTestServer();
    const name = "everlock-oci-old";
    const elsewhere = temporaryDirectory();
    const store = await localStores(elsewhere, consoleLogger).open(name as StoreName);
    const author = { name: "alice", email: "alice@everlock" };
    const write = (path: string) =>
      store.write(storePath(path), Buffer.from(path), { author, message: `write ${path}` });
    await write("first");
    await Promise.all(Array.from({ length: 20 }, (_, i) => write(`a${i}`)));
    cpSync(`${elsewhere}/${name}`, `${dataDir}/${name}`, { recursive: true });
    await store.close();
    const dir = newDirectory("backup");
    const { code, stdout, stderr } = await backUp(dataDir, dir);
    expect([code, stdout]).toEqual([1, expect.stringContaining("everlock-users: ")]);
    expect(stderr).toContain(
      `the store '${name}' has commits in its journal, and the server does not use it; stop the server and run 'everlock fsck ${name}' to move them`,
    );
    expect(markerOf(dir).finished).toBeNull();
  });

  test("in a directory that can't be written has a clear error", async () => {
    const { dataDir } = await filled[0]();
    const file = newDirectory("file");
    writeFileSync(file, "");
    for (const dir of [`${file}/backup`, "/proc/everlock-backup"]) {
      const { code, stderr } = await backUp(dataDir, dir);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`can't use the backup ${dir}: `)]);
    }
  });

  test("while another backup writes to the same directory names its process and changes nothing", async () => {
    const { dataDir } = await filled[1]();
    const dir = newDirectory("backup");
    expect((await backUp(dataDir, dir)).code).toBe(0);
    const marker = markerOf(dir);
    const other = DataDirectory.acquire(dir, { what: "backup" });
    const { code, stderr } = await backUp(dataDir, dir);
    other.release();
    expect([code, stderr]).toEqual([
      1,
      `everlock: the backup ${dir} is in use by another command (process ${process.pid})\n`,
    ]);
    expect(markerOf(dir)).toEqual(marker);
  });
});

describe("a store whose commits are damaged in the backup", () => {
  test("is named and skipped by --partial, which restores the others", async () => {
    const { dataDir } = await filled[2]();
    const dir = newDirectory("backup");
    expect((await backUp(dataDir, dir)).code).toBe(0);
    const packs = `${dir}/everlock-users/objects/pack`;
    for (const pack of readdirSync(packs).filter((name) => name.endsWith(".pack")))
      appendFileSync(`${packs}/${pack}`, "x");
    const target = newDirectory("data");
    expect((await restore(dir, target)).code).toBe(1);
    const { code, stderr } = await restore(dir, target, "--partial");
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^the store everlock-users can't be restored: .* is damaged\n$/),
    ]);
    expect(existsSync(`${target}/everlock-users`)).toBe(false);
    await pullAll(target, 2);
  });
});

describe("a blob", () => {
  test("that is damaged or missing in the source is named by the backup and by the restore", async () => {
    const { dataDir, layers } = await filled[3]();
    const [damaged, missing] = layers as [Digest, Digest];
    flip(blobPath(dataDir, damaged));
    rmSync(blobPath(dataDir, missing));
    const dir = newDirectory("backup");
    const made = await backUp(dataDir, dir);
    expect(made.code).toBe(1);
    expect(made.stderr).toContain(`everlock-oci-local: the blob ${damaged} is damaged and was skipped\n`);
    expect(made.stderr).toMatch(
      new RegExp(`everlock-oci-local: the blob ${missing} is missing; needed by app@sha256:[0-9a-f]{64}\n`),
    );
    expect(made.stderr).toEndWith(
      `everlock: 2 blobs are damaged or missing in ${dataDir}; everything else was copied to ${dir}\n`,
    );
    const target = newDirectory("data");
    const refused = await restore(dir, target);
    expect(refused.code).toBe(1);
    for (const digest of [damaged, missing])
      expect(refused.stderr).toContain(`everlock-oci-local: the blob ${digest} is missing; needed by app@`);
    expect((await serve(target)).stderr).toContain("holds a restore that is not finished");
    const partial = await restore(dir, target, "--partial");
    expect([partial.code, partial.stderr]).toEqual([0, refused.stderr.replace(/everlock: .*\n/, "")]);
    expect(existsSync(`${target}/everlock-restore.json`)).toBe(false);
  });

  test("that was lost or damaged in the backup is named by the restore", async () => {
    const { dataDir, layers } = await filled[3]();
    const dir = newDirectory("backup");
    expect((await backUp(dataDir, dir)).code).toBe(0);
    const [damaged, missing] = layers as [Digest, Digest];
    flip(blobPath(dir, damaged));
    rmSync(blobPath(dir, missing));
    const target = newDirectory("data");
    const { code, stderr } = await restore(dir, target);
    expect(code).toBe(1);
    expect(stderr).toContain(`everlock-oci-local: the blob ${damaged} is damaged and was skipped\n`);
    expect(stderr).toContain(`everlock-oci-local: the blob ${missing} is missing\n`);
    expect(stderr).toContain("2 parts are damaged or missing; --partial restores without them");
  });

  test("that is missing in a registry with sparse references is not an error", async () => {
    const sparse = ["--backend-oci-http-references", "sparse"];
    const { dataDir, layers } = await filledDirectory(2, { args: sparse });
    rmSync(blobPath(dataDir, layers[0] as Digest));
    const dir = newDirectory("backup");
    const strict = await backUp(dataDir, dir);
    expect([strict.code, strict.stderr]).toEqual([1, expect.stringContaining("is missing; needed by")]);
    const made = await everlock("backup", dir, "--data-dir", dataDir, ...sparse);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const restored = await restore(dir, newDirectory("data"));
    expect([restored.code, restored.stderr]).toEqual([0, ""]);
  });
});

test("a pack or an inventory that was lost in the backup is named by the restore", async () => {
  const { dataDir } = await filled[1]();
  const dir = newDirectory("backup");
  expect((await backUp(dataDir, dir)).code).toBe(0);
  const inventory = `${dir}/everlock-users.inventory`;
  copyFileSync(inventory, `${inventory}.saved`);
  truncateSync(inventory, 10);
  expect((await restore(dir, newDirectory("data"))).stderr).toContain(
    `everlock-users: the inventory ${inventory} is missing or damaged\n`,
  );
  copyFileSync(`${inventory}.saved`, inventory);
  const [pack = ""] = readdirSync(`${dir}/everlock-users/objects/pack`).filter((name) =>
    name.endsWith(".pack"),
  );
  for (const name of [pack, pack.replace(".pack", ".idx")])
    rmSync(`${dir}/everlock-users/objects/pack/${name}`);
  const { code, stderr } = await restore(dir, newDirectory("data"));
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining(`everlock-users: objects/pack/${pack} is missing\n`),
  ]);
});

test("a backup killed while it waits blocks neither the next backup nor garbage collection", async () => {
  const { dataDir } = await startTestServer();
  const socket = controlSocketPath(dataDir);
  const first = new AbortController();
  const holding = await fetch("http://localhost/hold", {
    method: "POST",
    unix: socket,
    signal: first.signal,
  });
  expect(holding.status).toBe(200);
  // By inode: an earlier connection may close meanwhile.
  const connections = () =>
    readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .filter((line) => line.endsWith(socket))
      .map((line) => line.split(/\s+/)[6]);
  const before = new Set(connections());
  const waiting = Bun.spawn([binary(), "backup", newDirectory("backup"), "--data-dir", dataDir]);
  afterThisTest(() => waiting.kill("SIGKILL"));
  expect(await eventually(() => connections().some((inode) => !before.has(inode)))).toBe(true);
  waiting.kill("SIGKILL");
  await waiting.exited;
  first.abort();
  expect((await backUp(dataDir, newDirectory("backup"))).code).toBe(0);
  expect((await everlock("gc", "--data-dir", dataDir)).code).toBe(0);
});
