import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { binary } from "../support/binary.ts";
import { STARTED } from "../support/started.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";

/** What runtimes and packages look for in a directory and above it. */
const DECOYS = [
  "node_modules/cpu-features/index.js",
  "node_modules/ssh2/index.js",
  "node_modules/ssh2/lib/index.js",
  "node_modules/citty/index.js",
  "crypto/build/Release/sshcrypto.node",
  "build/Release/sshcrypto.node",
  "cpu-features.js",
  "http-worker.ts",
  "http-worker.js",
  "main.ts",
  "index.ts",
];
const PORTS = ["--frontend-http-listen-http", "127.0.0.1:0", "--frontend-ssh-listen", "127.0.0.1:0"];
const SERVE = ["serve", ...PORTS, "--http-workers", "2", "--data-dir"];

/** A directory with a parent, both full of code that leaves a mark when it is run. */
function trappedDirectory() {
  const parent = temporaryDirectory();
  const cwd = `${parent}/below`;
  const mark = `${parent}/mark`;
  const trap = `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "run");`;
  for (const base of [parent, cwd]) {
    for (const decoy of DECOYS) {
      mkdirSync(dirname(`${base}/${decoy}`), { recursive: true });
      writeFileSync(`${base}/${decoy}`, trap);
    }
    writeFileSync(`${base}/trap.js`, trap);
    writeFileSync(`${base}/bunfig.toml`, `preload = ["${base}/trap.js"]\n`);
    writeFileSync(`${base}/.bunfig.toml`, `preload = ["${base}/trap.js"]\n`);
    writeFileSync(`${base}/.env`, `BUN_OPTIONS=--preload ${base}/trap.js\n`);
    writeFileSync(
      `${base}/package.json`,
      JSON.stringify({ type: "commonjs", imports: { "#*": "./trap.js" }, browser: { ssh2: "./trap.js" } }),
    );
    writeFileSync(
      `${base}/tsconfig.json`,
      JSON.stringify({ compilerOptions: { baseUrl: ".", paths: { "*": ["./trap.js"] } } }),
    );
  }
  const env = { HOME: cwd, XDG_CONFIG_HOME: cwd, NODE_PATH: `${parent}/node_modules` };
  return { cwd, env, wasRun: () => existsSync(mark) };
}

/** Starts a server, waits for it to run, and ends it. */
async function serveOnce(command: readonly string[], options: { cwd: string; env: Record<string, string> }) {
  const child = Bun.spawn([...command], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  let isEnded = false;
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (isEnded || !STARTED.test(text)) continue;
    isEnded = true;
    child.kill("SIGTERM");
  }
  expect(await child.exited).toBe(0);
}

describe("the executable", () => {
  test.each([[["version"]], [["--help"]], [["serve", "--bogus"]], [["passwd", "admin"]], [["gc"]]])(
    "runs nothing that lies in its directory or above it: %p",
    async (args) => {
      const { cwd, env, wasRun } = trappedDirectory();
      await run([binary(), ...args], { cwd, env });
      expect(wasRun()).toBe(false);
    },
  );

  test("runs no code from the current directory or above it, on any of its threads", async () => {
    const { cwd, env, wasRun } = trappedDirectory();
    await serveOnce([binary(), ...SERVE, `${temporaryDirectory()}/data`], { cwd, env });
    expect(wasRun()).toBe(false);
  });
});

describeWith(["strace"], "the executable", () => {
  /** The calls of a program and its threads that named a path below a directory, or a relative one. */
  const touched = (trace: string, directory: string) =>
    readFileSync(trace, "utf8")
      .split("\n")
      .filter((line) => !/ (getcwd|execve)\(/.test(line))
      .filter((line) => line.includes(`"${directory}`) || /AT_FDCWD, "[^/]|\w\("[^/]/.test(line));

  test.each([[["version"]], [["serve"]]])("opens no file in the current directory: %p", async ([command]) => {
    const { cwd, env, wasRun } = trappedDirectory();
    const trace = `${temporaryDirectory()}/trace`;
    // -D: the program stays our child, and the tracer is not.
    const strace = ["strace", "-D", "-f", "-qq", "-e", "trace=%file", "-o", trace, binary()];
    if (command === "version") expect((await run([...strace, "version"], { cwd, env })).code).toBe(0);
    else await serveOnce([...strace, ...SERVE, `${temporaryDirectory()}/data`], { cwd, env });
    expect(touched(trace, dirname(cwd))).toEqual([]);
    expect(wasRun()).toBe(false);
  });
});
