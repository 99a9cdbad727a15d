import { describe, test } from "bun:test";
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { afterThisTest } from "./cleanup.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A small file system that can be filled to the last byte. */
export interface SmallDisk {
  readonly path: string;
  /** Fills the disk except for this many bytes. */
  fill(left?: number): void;
  /** Frees the space that `fill` used. */
  free(): void;
  resize(size: string): void;
  /** Makes it read-only for all files that are opened from now on, or writable again. */
  protect(isReadOnly: boolean): void;
}

function mount(...args: string[]): boolean {
  return Bun.spawnSync(["mount", ...args], { stderr: "ignore" }).success;
}

const unmount = (path: string) => Bun.spawnSync(["umount", "-l", path]);

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const path = temporaryDirectory();
  const isMounted = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", path);
  if (isMounted) unmount(path);
  return isMounted;
}

/** `describe` for tests that mount file systems; skipped where mounting is not permitted. */
export function describeWithSmallDisks(name: string, body: () => void): void {
  if (canMount()) describe(name, body);
  else test.skip(`${name} (needs to mount a tmpfs: run as root)`, () => {});
}

/** Mounts a disk with a `size` in the syntax of `mount`; unmounted after the test. */
export function smallDisk(size: string): SmallDisk {
  const path = temporaryDirectory();
  if (!mount("-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path)) throw new Error(`can't mount ${path}`);
  afterThisTest(() => void unmount(path));
  const filler = `${path}/filler`;
  return {
    path,
    fill(left = 0) {
      const fd = openSync(filler, "a");
      // Smaller and smaller pieces, until no byte is free.
      for (let size = 1 << 20; size > 0; size >>= 1) {
        try {
          while (writeSync(fd, Buffer.alloc(size)) === size);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        }
      }
      ftruncateSync(fd, fstatSync(fd).size - left);
      fsyncSync(fd);
      closeSync(fd);
    },
    free: () => rmSync(filler, { force: true }),
    protect(isReadOnly) {
      // A second mount over the first: one through which files are open for writing can't be made read-only.
      const isDone = isReadOnly
        ? mount("--bind", path, path) && mount("-o", "remount,bind,ro", path)
        : unmount(path).success;
      if (!isDone) throw new Error(`can't make ${path} ${isReadOnly ? "read-only" : "writable"}`);
    },
    resize(size) {
      if (!mount("-o", `remount,size=${size}`, path)) throw new Error(`can't resize ${path}`);
    },
  };
}
