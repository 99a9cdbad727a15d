import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, copyFileSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { STARTED } from "../support/started.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { run } from "../support/tools.ts";

const USER = 65_532;
const PORTS = ["--frontend-http-listen-http", "127.0.0.1:0", "--frontend-ssh-listen", "127.0.0.1:0"];

/** An executable that every user may run, and a directory that every user may pass through. */
function everlockForAll() {
  const dir = temporaryDirectory();
  chmodSync(dir, 0o755);
  copyFileSync(binary(), `${dir}/everlock`);
  chmodSync(`${dir}/everlock`, 0o755);
  return { dir, executable: `${dir}/everlock` };
}

function asUser(command: readonly string[], user = USER): string[] {
  return ["setpriv", `--reuid=${user}`, `--regid=${USER}`, "--clear-groups", ...command];
}

/** Starts a server as the user, ends it once it has started and `meanwhile` is done, and returns its exit code and log. */
async function serveAsUser(executable: string, dataDir: string, meanwhile = async () => {}) {
  const child = Bun.spawn(asUser([executable, "serve", "--data-dir", dataDir, ...PORTS]), {
    cwd: "/",
    env: process.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  afterThisTest(() => child.kill("SIGKILL"));
  let text = "";
  let isEnding = false;
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (isEnding || !STARTED.test(text)) continue;
    isEnding = true;
    await meanwhile();
    child.kill("SIGTERM");
  }
  return { code: await child.exited, log: await new Response(child.stderr).text() };
}

/** The files below a directory that do not belong to the user. */
function foreignFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter(
    (name) => lstatSync(`${directory}/${name}`).uid !== USER,
  );
}

const isRoot = process.geteuid?.() === 0 && Bun.which("setpriv") !== null;

describe.skipIf(!isRoot)("a data directory of another user", () => {
  test("keeps its owner when root runs a command on it", async () => {
    const { dir, executable } = everlockForAll();
    const dataDir = `${dir}/data`;
    mkdirSync(dataDir);
    chownSync(dataDir, USER, USER);
    expect(await serveAsUser(executable, dataDir)).toMatchObject({ code: 0 });
    const commands: [string[], string?][] = [
      [["passwd", "admin"], "a-new-password\n"],
      [["users", "add", "alice"], "a-new-password\n"],
      [["fsck"]],
      [["gc"]],
      [["backup", `${dir}/backup`]],
    ];
    for (const [args, stdin] of commands) {
      const options = { cwd: "/", ...(stdin !== undefined && { stdin }) };
      const { code, stderr } = await run([executable, ...args, "--data-dir", dataDir], options);
      expect([args, code, stderr]).toEqual([args, 0, expect.any(String)]);
      expect([args, foreignFiles(dataDir)]).toEqual([args, []]);
    }
    expect(lstatSync(`${dir}/backup`).uid).toBe(0);
    expect(await serveAsUser(executable, dataDir)).toMatchObject({ code: 0 });
    const restored = `${dir}/restored`;
    mkdirSync(restored);
    chownSync(restored, USER, USER);
    await run([executable, "restore-backup", `${dir}/backup`, "--data-dir", restored], { cwd: "/" });
    expect(foreignFiles(restored)).toEqual([]);
    expect(await serveAsUser(executable, restored)).toMatchObject({ code: 0 });
  });

  test.each([
    [USER, 0o700, "only root and the owner of the data directory "],
    [0, 0o2775, "a server runs, and only root and the user who runs it may command it\n"],
  ])(
    "lets no other user run a command, and says so, if it belongs to %p with mode %o",
    async (owner, mode, message) => {
      const { dir, executable } = everlockForAll();
      const dataDir = `${dir}/data`;
      mkdirSync(dataDir);
      chownSync(dataDir, owner, USER);
      chmodSync(dataDir, mode);
      const refused: object[] = [];
      const command = [executable, "console", "/oci list", "--data-dir", dataDir];
      await serveAsUser(executable, dataDir, async () => {
        refused.push(await run(asUser(command, USER + 1), { cwd: "/" }));
      });
      expect(refused).toEqual([
        { code: 4, stdout: "", stderr: expect.stringContaining(`everlock: ${message}`) },
      ]);
    },
  );

  test("is used if its group may write, and what is made in it is private to user and group", async () => {
    const { dir, executable } = everlockForAll();
    const dataDir = `${dir}/data`;
    mkdirSync(dataDir);
    chownSync(dataDir, 0, USER);
    chmodSync(dataDir, 0o2775);
    for (const start of ["first", "second"])
      expect([start, (await serveAsUser(executable, dataDir)).code]).toEqual([start, 0]);
    expect(foreignFiles(dataDir)).toEqual([]);
    const open = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).filter(
      (name) => lstatSync(`${dataDir}/${name}`).mode & 0o007,
    );
    expect(open).toEqual([]);
    expect(lstatSync(dataDir).mode & 0o7777).toBe(0o2775);
  });

  test.each([
    [0, 0o777, "every user can write to it (mode 0777); run 'chmod o-w "],
    [
      0,
      0o2755,
      `it belongs to user 0 and group ${USER} (mode 2755), and user ${USER} with group ${USER} can't write`,
    ],
    [
      USER + 1,
      0o700,
      `it belongs to user ${USER + 1} and group ${USER} (mode 0700), and user ${USER} with group`,
    ],
  ])("is refused in words if it belongs to user %p with mode %o", async (owner, mode, message) => {
    const { dir, executable } = everlockForAll();
    const dataDir = `${dir}/data`;
    mkdirSync(dataDir);
    chownSync(dataDir, owner, USER);
    chmodSync(dataDir, mode);
    const { code, log } = await serveAsUser(executable, dataDir);
    expect(code).toBe(1);
    expect(log).toStartWith(`everlock: can't use the data directory ${dataDir}: ${message}`);
  });
});
