import { describe, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "./temporary-directory.ts";
import { missingTools, type RunResult, run } from "./tools.ts";

/**
 * Enters the copy: an overlay over `/` whose changes are in memory, with processes and a network of its own. Only `/tmp` is
 * the machine's. Where the machine mixes both versions of cgroups, the copy has the second alone, which crun accepts.
 */
const ENTER = `set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for path in /dev /sys /tmp; do mount --rbind "$path" "$1/root$path"; done
mount -t proc proc "$1/root/proc"
mount -t tmpfs tmpfs "$1/root/run"
# In a container it is a mount, which the overlay does not show.
[ -L "$1/root/etc/hosts" ] || cp /etc/hosts "$1/root/etc/hosts"
cd "$1/root"
mkdir -p machine
pivot_root . machine
umount -l machine
if [ -d /sys/fs/cgroup/unified ]; then
  umount -l /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
fi
ip link set lo up
shift
exec "$@"`;

const UNSHARE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"] as const;

/**
 * Runs a shell script as root on a copy of this machine, with all ports free: what it changes is gone when it ends, and what it
 * started is ended.
 */
export function onMachineCopy(
  script: string,
  options: { args?: readonly string[]; shell?: "sh" | "bash"; env?: Record<string, string> } = {},
): Promise<RunResult> {
  const { args = [], shell = "sh", env = {} } = options;
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/mount`);
  writeFileSync(`${dir}/script`, script);
  const enter = [...UNSHARE, "sh", "-c", ENTER, "sh", `${dir}/mount`];
  return run([...enter, shell, "-e", `${dir}/script`, ...args], { env });
}

function canCopy(): boolean {
  if (process.getuid?.() !== 0) return false;
  const script = `mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir u w r && mount -t overlay overlay -o lowerdir=/,upperdir=u,workdir=w r`;
  return Bun.spawnSync([...UNSHARE, "sh", "-c", script], { stderr: "ignore" }).success;
}

/** `describe` for tests that change the machine; skipped where a copy of it can't be made. */
export function describeOnMachineCopy(tools: readonly string[], name: string, body: () => void): void {
  const missing = missingTools([...tools, "ip"]);
  if (missing === undefined && canCopy()) describe(name, body);
  else if (missing !== undefined && process.env["EVERLOCK_REQUIRE_CLIENTS"] === "1")
    test(`${name} (${missing})`, () => {
      throw new Error(missing);
    });
  else test.skip(`${name} (${missing ?? "needs to mount an overlay: run as root"})`, () => {});
}
