import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "./temporary-directory.ts";

const START_TIMEOUT_MS = 30_000;

/**
 * Runs `work` with a private Docker daemon; `docker(…)` builds a command line for it. `settings` are those of `daemon.json`,
 * `logins` those of the client's `config.json`.
 */
export async function withDocker(
  work: (docker: (...args: string[]) => string[]) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
  { settings = "{}", logins = "{}" } = {},
): Promise<void> {
  const dir = temporaryDirectory();
  const socket = `${dir}/docker.sock`;
  mkdirSync(`${dir}/client`);
  writeFileSync(`${dir}/client/config.json`, logins);
  writeFileSync(`${dir}/daemon.json`, settings);
  const daemon = Bun.spawn(
    [
      "dockerd",
      ...["--config-file", `${dir}/daemon.json`],
      ...["--iptables=false", "--bridge=none", "--storage-driver=vfs"],
      ...["--host", `unix://${socket}`, "--pidfile", `${dir}/docker.pid`],
      ...["--data-root", `${dir}/data`, "--exec-root", `${dir}/exec`],
    ],
    { env: { ...process.env, ...env }, stdin: "ignore", stdout: "ignore", stderr: Bun.file(`${dir}/log`) },
  );
  const docker = (...args: string[]) => [
    "docker",
    "--config",
    `${dir}/client`,
    "--host",
    `unix://${socket}`,
    ...args,
  ];
  try {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (
      !existsSync(socket) ||
      Bun.spawnSync(docker("version"), { stdout: "ignore", stderr: "ignore" }).exitCode !== 0
    ) {
      if (daemon.exitCode !== null || Date.now() > deadline) {
        throw new Error(`dockerd did not start: ${await Bun.file(`${dir}/log`).text()}`);
      }
      await Bun.sleep(100);
    }
    await work(docker);
  } finally {
    daemon.kill();
    await daemon.exited;
    // Left by containers that used the network of the machine.
    Bun.spawnSync(["umount", "--lazy", `${dir}/exec/netns/default`], { stderr: "ignore" });
  }
}
