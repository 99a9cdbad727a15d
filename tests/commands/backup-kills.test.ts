import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { backUp, everlock, newDirectory, pullAll, restore } from "../support/backup-commands.ts";
import { binary } from "../support/binary.ts";
import { filledDirectory } from "../support/data-directory.ts";
import { eventually } from "../support/eventually.ts";

// Each runs the executable several times, on a machine that may have other things to do.
setDefaultTimeout(60_000);

describe("kill -9", () => {
  const IMAGES = 40;
  const ROUNDS = 5;

  /** Starts a command and kills it once so many blobs have come to a directory. */
  async function killAfter(blobs: number, dir: string, command: readonly string[]): Promise<void> {
    const child = Bun.spawn([binary(), ...command], { stdout: "ignore", stderr: "ignore" });
    let isOver = false;
    void child.exited.then(() => {
      isOver = true;
    });
    const count = () => {
      const path = `${dir}/everlock-oci-local/blobs/sha256`;
      if (!existsSync(path)) return 0;
      return readdirSync(path).reduce((sum, prefix) => sum + readdirSync(`${path}/${prefix}`).length, 0);
    };
    await eventually(() => isOver || count() >= blobs);
    child.kill("SIGKILL");
    await child.exited;
  }

  test("at any moment of a backup leaves a complete one, or one that is marked as unfinished", async () => {
    const { dataDir } = await filledDirectory(IMAGES);
    const dir = newDirectory("backup");
    for (let round = 0; round < ROUNDS; round++) {
      await killAfter(round * (IMAGES / 4), dir, ["backup", dir, "--data-dir", dataDir]);
      const target = newDirectory("data");
      const { code, stderr } = await restore(dir, target);
      if (code === 0) await pullAll(target, IMAGES);
      else expect(stderr).toMatch(/is not finished; 'everlock backup' resumes it|is not a backup/);
      rmSync(target, { recursive: true, force: true });
    }
    expect((await backUp(dataDir, dir)).code).toBe(0);
    const target = newDirectory("data");
    expect((await restore(dir, target)).code).toBe(0);
    await pullAll(target, IMAGES);
  });

  test("at any moment of a restore leaves a directory that no server starts on and that the next run finishes", async () => {
    const { dataDir } = await filledDirectory(IMAGES);
    const dir = newDirectory("backup");
    expect((await backUp(dataDir, dir)).code).toBe(0);
    for (let round = 0; round < ROUNDS; round++) {
      const target = newDirectory("data");
      await killAfter(round * (IMAGES / 4), target, ["restore-backup", dir, "--data-dir", target]);
      if (existsSync(`${target}/everlock-restore.json`)) {
        for (const command of [["serve"], ["gc"], ["fsck"], ["backup", newDirectory("other")]]) {
          const refused = await everlock(...command, "--data-dir", target);
          expect([refused.code, refused.stderr]).toEqual([
            1,
            expect.stringContaining(`the data directory ${target} holds a restore that is not finished`),
          ]);
        }
        expect((await restore(dir, target)).code).toBe(0);
      } else if (!existsSync(`${target}/everlock-oci-local`)) {
        // Killed before anything was there: as if it had never run.
        expect((await restore(dir, target)).code).toBe(0);
      }
      await pullAll(target, IMAGES);
      rmSync(target, { recursive: true, force: true });
    }
  });

  test("at the very beginning leaves a directory that the next run accepts as empty", async () => {
    const { dataDir } = await filledDirectory(1);
    const [dir, target] = [newDirectory("backup"), newDirectory("data")];
    for (const path of [dir, target]) {
      mkdirSync(path);
      for (const name of ["everlock.lock", "everlock.lock-journal", "everlock.pid"])
        writeFileSync(`${path}/${name}`, "");
    }
    writeFileSync(`${dir}/everlock-backup.json.new`, "{");
    writeFileSync(`${target}/everlock-restore.json.new`, "{");
    expect((await backUp(dataDir, dir)).code).toBe(0);
    expect((await restore(dir, target)).code).toBe(0);
    await pullAll(target, 1);
  });
});
