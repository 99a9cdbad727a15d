import { expect, test } from "bun:test";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { storageTroubleOf } from "../../../../../src/primitives/fs/storage-trouble.ts";
import { DiskRoom, NoRoomError } from "../../../../../src/primitives/store/engine/local/disk-room.ts";
import { afterThisTest } from "../../../../support/cleanup.ts";
import { describeWithSmallDisks, smallDisk } from "../../../../support/small-disk.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const MIB = 1024 * 1024;

/** A room that looks again at every question. */
function roomOf(dir: string) {
  const reports: string[] = [];
  const fresh = () => new DiskRoom(dir, (message) => void reports.push(message));
  return {
    reports,
    reserve: `${dir}/everlock-reserve`,
    admits: (bytes?: number) => {
      try {
        fresh().admitContent(bytes);
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(NoRoomError);
        expect(storageTroubleOf(error)).toBe("no-room");
        return false;
      }
    },
    relieve: () => fresh().relieve(),
    keep: async () => {
      const stop = fresh().keepReserve();
      afterThisTest(stop);
      await stop();
    },
  };
}

describeWithSmallDisks("the room in reserve", () => {
  test("is made where there is room for it, of a tenth of a small disk and of 8 MiB of others", async () => {
    for (const [size, reserve] of [
      ["20m", 2 * MIB],
      ["200m", 8 * MIB],
    ] as const) {
      const room = roomOf(smallDisk(size).path);
      await room.keep();
      expect(statSync(room.reserve).size).toBe(reserve);
      expect(room.admits()).toBe(true);
    }
  });

  test("stays while there is other room, and is given up, and told, when there is none", async () => {
    const disk = smallDisk("20m");
    const room = roomOf(disk.path);
    await room.keep();
    room.relieve();
    expect([existsSync(room.reserve), room.admits()]).toEqual([true, true]);
    disk.fill();
    expect(room.admits()).toBe(false);
    room.relieve();
    expect(existsSync(room.reserve)).toBe(false);
    expect(room.reports).toEqual([expect.stringContaining("the room in reserve (2048 KiB) is given up")]);
    room.relieve();
    expect(room.reports).toHaveLength(1);
  });

  test("that was given up is not for what is pushed, however much of it is left", async () => {
    const disk = smallDisk("20m");
    const room = roomOf(disk.path);
    await room.keep();
    disk.fill();
    room.relieve();
    expect(room.admits()).toBe(false);
    writeFileSync(`${disk.path}/by-a-delete`, Buffer.alloc(MIB));
    expect(room.admits()).toBe(false);
    await room.keep();
    expect(existsSync(room.reserve)).toBe(false);
  });

  test("is not for what is known to be larger than the rest of the disk", async () => {
    const disk = smallDisk("20m");
    const { admits, keep } = roomOf(disk.path);
    await keep();
    expect([admits(), admits(15 * MIB), admits(19 * MIB)]).toEqual([true, true, false]);
  });

  test("is made again once there is room for it and more; pushes need not wait for that", async () => {
    const disk = smallDisk("20m");
    const room = roomOf(disk.path);
    await room.keep();
    disk.fill();
    room.relieve();
    disk.free();
    expect(room.admits()).toBe(true);
    await room.keep();
    expect(existsSync(room.reserve)).toBe(true);
  });

  test("leaves nothing half made where somebody else takes the room meanwhile", async () => {
    const disk = smallDisk("200m");
    const room = roomOf(disk.path);
    const stop = new DiskRoom(disk.path).keepReserve();
    disk.fill();
    await stop();
    expect(existsSync(`${room.reserve}.new`)).toBe(false);
  });
});

test("a disk that can't be asked is taken for one with room", async () => {
  const dir = temporaryDirectory();
  rmSync(dir, { recursive: true });
  const room = roomOf(dir);
  expect(room.admits()).toBe(true);
  room.relieve();
  expect(room.reports).toEqual([]);
});
