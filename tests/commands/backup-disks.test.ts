import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { backUp, markerOf, newDirectory, pullAll, restore } from "../support/backup-commands.ts";
import { filledDirectory } from "../support/data-directory.ts";
import { describeWithSmallDisks, smallDisk } from "../support/small-disk.ts";

// Each runs the executable several times, on a machine that may have other things to do.
setDefaultTimeout(60_000);

describeWithSmallDisks("a backup on a disk of its own", () => {
  test("that is full has a clear error, stays unfinished, and can be resumed when there is space", async () => {
    const disk = smallDisk("4m");
    const { dataDir } = await filledDirectory(4, { layerBytes: 600_000 });
    const dir = `${disk.path}/backup`;
    writeFileSync(`${disk.path}/other`, Buffer.alloc(2_000_000));
    const { code, stderr } = await backUp(dataDir, dir);
    expect(code).toBe(1);
    expect(stderr).toStartWith(`everlock: the backup ${dir} is not finished: there is no room on the disk (`);
    expect(markerOf(dir).finished).toBeNull();
    const leftovers = readdirSync(dir, { recursive: true }).filter((name) =>
      /copying$|\.new$/.test(String(name)),
    );
    expect(leftovers).toEqual([]);
    rmSync(`${disk.path}/other`);
    expect((await backUp(dataDir, dir)).code).toBe(0);
    const target = newDirectory("data");
    expect((await restore(dir, target)).code).toBe(0);
    await pullAll(target, 4);
    expect(statSync(`${target}/token_key`).mode & 0o777).toBe(0o600);
  });

  test("that is full from the beginning keeps a finished backup unchanged", async () => {
    const disk = smallDisk("4m");
    const { dataDir } = await filledDirectory(1);
    const dir = `${disk.path}/backup`;
    expect((await backUp(dataDir, dir)).code).toBe(0);
    const marker = markerOf(dir);
    disk.fill();
    expect((await backUp(dataDir, dir)).code).toBe(1);
    expect(markerOf(dir)).toEqual(marker);
    disk.free();
    expect((await restore(dir, newDirectory("data"))).code).toBe(0);
  });

  test("that is read-only can be restored", async () => {
    const disk = smallDisk("20m");
    const { dataDir } = await filledDirectory(2);
    const dir = `${disk.path}/backup`;
    expect((await backUp(dataDir, dir)).code).toBe(0);
    expect(Bun.spawnSync(["mount", "-o", "remount,ro", disk.path]).success).toBe(true);
    const target = newDirectory("data");
    const restored = await restore(dir, target);
    expect([restored.code, restored.stderr]).toEqual([0, ""]);
    await pullAll(target, 2);
    const again = await backUp(dataDir, dir);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("EROFS")]);
  });
});
