import { existsSync, writeFileSync } from "node:fs";
import { afterThisTest } from "./cleanup.ts";
import { eventually } from "./eventually.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { type RunResult, run } from "./tools.ts";

/** Runs `ctr` with a containerd of its own. */
export type Ctr = (...args: string[]) => Promise<RunResult>;

/** Starts containerd, which ends after the test. `env`: variables of `ctr`, which pulls by itself. */
export async function startContainerd(env: Readonly<Record<string, string>> = {}): Promise<Ctr> {
  const dir = temporaryDirectory();
  const socket = `${dir}/containerd.sock`;
  writeFileSync(
    `${dir}/config.toml`,
    [
      "version = 2",
      `root = "${dir}/root"`,
      `state = "${dir}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\naddress = "${socket}"`,
      "",
    ].join("\n"),
  );
  const daemon = Bun.spawn(["containerd", "--config", `${dir}/config.toml`], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(`${dir}/log`),
  });
  afterThisTest(async () => {
    daemon.kill();
    await daemon.exited;
  });
  const ctr: Ctr = (...args) => run(["ctr", "--address", socket, ...args], { env });
  const answers = async () => existsSync(socket) && (await ctr("version")).code === 0;
  if (!(await eventually(answers))) throw new Error(`containerd: ${await Bun.file(`${dir}/log`).text()}`);
  return ctr;
}
