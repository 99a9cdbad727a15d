import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
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

  test("is made by a restore that root runs, for the owner of the directory above", async () => {
    const { dir, executable } = everlockForAll();
    const above = `${dir}/above`;
    mkdirSync(above);
    chownSync(above, USER, USER);
    expect(await serveAsUser(executable, `${above}/data`)).toMatchObject({ code: 0 });
    const everlock = (...args: string[]) => run([executable, ...args], { cwd: "/" });
    expect(await everlock("backup", `${dir}/backup`, "--data-dir", `${above}/data`)).toMatchObject({
      code: 0,
    });
    const restore = (to: string) => everlock("restore-backup", `${dir}/backup`, "--data-dir", to);
    expect(await restore(`${above}/restored`)).toMatchObject({ code: 0 });
    expect(foreignFiles(above)).toEqual([]);
    expect(await serveAsUser(executable, `${above}/restored`)).toMatchObject({ code: 0 });
    expect(await restore(`${dir}/of-root`)).toMatchObject({ code: 0 });
    expect(lstatSync(`${dir}/of-root`).uid).toBe(0);
  });

  test("is refused by a restore that root runs if it holds a link", async () => {
    const { dir, executable } = everlockForAll();
    const everlock = (...args: string[]) => run([executable, ...args], { cwd: "/" });
    mkdirSync(`${dir}/data`);
    expect(await everlock("backup", `${dir}/backup`, "--data-dir", `${dir}/data`)).toMatchObject({ code: 0 });
    const target = `${dir}/target`;
    mkdirSync(target);
    symlinkSync(dir, `${target}/everlock-users`);
    writeFileSync(`${target}/everlock-restore.json`, "{}");
    chownSync(target, USER, USER);
    const { code, stderr } = await everlock("restore-backup", `${dir}/backup`, "--data-dir", target);
    expect([code, stderr]).toEqual([
      2,
      `everlock: ${target}/everlock-users is a link, through which root would write elsewhere; remove it\n`,
    ]);
  });

  test("gives root's files in it to its owner, and none that a link in it leads to", async () => {
    const { dir, executable } = everlockForAll();
    const dataDir = `${dir}/data`;
    const outside = `${dir}/outside`;
    for (const directory of [dataDir, outside]) mkdirSync(directory);
    chownSync(dataDir, USER, USER);
    expect(await serveAsUser(executable, dataDir)).toMatchObject({ code: 0 });
    writeFileSync(`${outside}/root`, "root");
    writeFileSync(`${dataDir}/root`, "root");
    symlinkSync(outside, `${dataDir}/directory`);
    symlinkSync(`${outside}/root`, `${dataDir}/file`);
    linkSync(`${outside}/root`, `${dataDir}/second-name`);
    // What root would write through these links.
    rmSync(`${dataDir}/everlock.pid`, { force: true });
    symlinkSync(`${outside}/root`, `${dataDir}/everlock.pid`);
    rmSync(`${dataDir}/everlock.lock`);
    symlinkSync(`${outside}/new`, `${dataDir}/everlock.lock`);
    await run([executable, "backup", `${dir}/backup`, "--data-dir", dataDir], { cwd: "/" });
    expect(readdirSync(outside)).toEqual(["root"]);
    expect(readFileSync(`${outside}/root`, "utf8")).toBe("root");
    expect(lstatSync(`${outside}/root`).uid).toBe(0);
    rmSync(`${dataDir}/everlock.lock`);
    const { code } = await run([executable, "backup", `${dir}/backup`, "--data-dir", dataDir], { cwd: "/" });
    expect(code).toBe(0);
    expect(lstatSync(`${dataDir}/root`).uid).toBe(USER);
    expect(lstatSync(`${outside}/root`).uid).toBe(0);
  });

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
