import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { afterThisTest } from "./cleanup.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { must, type RunResult, run } from "./tools.ts";

/** A container, and the podman that it runs under. */
export interface RunningContainer {
  readonly podman: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** Runs a program in the container. */
  exec(...command: string[]): Promise<RunResult>;
}

/** podman, buildah and skopeo with isolated storage, logins and settings. */
export interface ContainerTools {
  must(tool: "podman" | "buildah" | "skopeo", ...args: string[]): Promise<string>;
  run(tool: "podman" | "buildah" | "skopeo", ...args: string[]): Promise<RunResult>;
  /** Starts `podman run` with a container in the foreground, which ends after the test. */
  start(...args: string[]): RunningContainer;
}

/**
 * With `partialImages`, podman pulls what differs of zstd:chunked layers. It needs the storage driver `overlay`; see
 * `canUseOverlay`.
 */
export function containerTools({
  partialImages = false,
  env: more = {},
}: {
  readonly partialImages?: boolean;
  readonly env?: Readonly<Record<string, string>>;
} = {}): ContainerTools {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/home`);
  writeFileSync(`${dir}/auth.json`, "{}");
  const env: Record<string, string> = {
    REGISTRY_AUTH_FILE: `${dir}/auth.json`,
    HOME: `${dir}/home`,
    XDG_RUNTIME_DIR: dir,
    ...more,
  };
  const storage = ["--root", `${dir}/storage`, "--runroot", `${dir}/run`];
  if (partialImages) {
    const options = 'pull_options = {enable_partial_images = "true"}';
    const places = `graphroot = "${dir}/storage"\nrunroot = "${dir}/run"`;
    const conf = `[storage]\ndriver = "overlay"\n${places}\n[storage.options]\n${options}\n`;
    writeFileSync(`${dir}/storage.conf`, conf);
    env["CONTAINERS_STORAGE_CONF"] = `${dir}/storage.conf`;
  } else storage.push("--storage-driver", "vfs");
  const command = (tool: string, args: string[]) => [tool, ...(tool === "skopeo" ? [] : storage), ...args];
  return {
    must: (tool, ...args) => must(command(tool, args), { env }),
    run: (tool, ...args) => run(command(tool, args), { env }),
    start(...args) {
      const name = `everlock-${crypto.randomUUID().slice(0, 8)}`;
      const podman = (...rest: string[]) => inCgroups(command("podman", rest));
      const started = Bun.spawn(podman("run", "--rm", "--name", name, ...RUN_OPTIONS, ...args), {
        env: { ...process.env, ...env },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      afterThisTest(async () => {
        await run(podman("rm", "--force", "--ignore", "--time", "0", name), { env });
        await started.exited;
      });
      return { podman: started, exec: (...rest) => run(podman("exec", name, ...rest), { env }) };
    },
  };
}

/** Whether podman can keep images with the driver `overlay` here. */
export async function canUseOverlay(): Promise<boolean> {
  if (!Bun.which("podman")) return false;
  return (await containerTools({ partialImages: true }).run("podman", "images")).code === 0;
}

/**
 * Options of `podman run` that work where the tests run: as root in a container or a virtual machine, without the right to
 * make networks or to raise limits.
 */
const RUN_OPTIONS = [
  ...["--network", "host", "--cgroups=disabled"],
  ...["--ulimit", "nofile=8192:8192", "--ulimit", "nproc=8192:8192"],
] as const;

/**
 * `command`, with cgroups that crun accepts: where the machine mixes both versions of cgroups, a mount namespace of its own
 * shows it the second alone.
 */
function inCgroups(command: string[]): string[] {
  if (!existsSync("/sys/fs/cgroup/unified")) return command;
  const script = 'umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, "sh", ...command];
}
