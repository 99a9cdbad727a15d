import { describe, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { temporaryDirectory } from "./temporary-directory.ts";
import { missingTools, type RunResult, run } from "./tools.ts";

/**
 * Runs a shell script as root on a copy of this machine: it sees all files, and what it changes in them is gone when it ends.
 * Below `/tmp` and `/proc` it sees the machine itself.
 */
export function onMachineCopy(script: string, args: readonly string[] = []): Promise<RunResult> {
  const dir = temporaryDirectory();
  writeFileSync(`${dir}/script`, script);
  const enter = `set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for path in /proc /dev /tmp; do mount --rbind "$path" "$1/root$path"; done
root="$1/root" script="$2"
shift 2
exec chroot "$root" sh -e "$script" "$@"`;
  // The mount hides the script of this directory from the machine's view, but not from that of the copy.
  const hidden = temporaryDirectory();
  return run(["unshare", "--mount", "sh", "-c", enter, "sh", hidden, `${dir}/script`, ...args]);
}

function canCopy(): boolean {
  if (process.getuid?.() !== 0) return false;
  const script =
    "mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w /mnt/r && mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r";
  return Bun.spawnSync(["unshare", "--mount", "sh", "-c", script], { stderr: "ignore" }).success;
}

/** `describe` for tests that change the machine; skipped where a copy of it can't be made. */
export function describeOnMachineCopy(tools: readonly string[], name: string, body: () => void): void {
  const missing = missingTools(tools);
  if (missing === undefined && canCopy()) describe(name, body);
  else if (missing !== undefined && process.env["EVERLOCK_REQUIRE_CLIENTS"] === "1")
    test(`${name} (${missing})`, () => {
      throw new Error(missing);
    });
  else test.skip(`${name} (${missing ?? "needs to mount an overlay: run as root"})`, () => {});
}
