import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { STARTED } from "../support/started.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { run } from "../support/tools.ts";

const PORTS = ["--frontend-http-listen-http", "127.0.0.1:0", "--no-backend-admin-ssh"];

/** Starts a server, answers the status that `admin` gets with a password, and what it printed; it is ended then. */
async function logIn(
  password: string,
  args: readonly string[],
  {
    env = {},
    dataDir = `${temporaryDirectory()}/data`,
  }: { env?: Record<string, string>; dataDir?: string } = {},
) {
  const child = Bun.spawn([binary(), "serve", "--data-dir", dataDir, ...PORTS, ...args], {
    env: { ...process.env, ...env },
    cwd: temporaryDirectory(),
    stdout: "pipe",
    stderr: "pipe",
  });
  afterThisTest(() => child.kill("SIGKILL"));
  let text = "";
  let status = 0;
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (status !== 0 || !STARTED.test(text)) continue;
    const port = text.match(/HTTP +127\.0\.0\.1:(\d+)/)?.[1];
    const headers = { Host: "localhost", Authorization: `Basic ${btoa(`admin:${password}`)}` };
    ({ status } = await fetch(`http://127.0.0.1:${port}/v2/`, { headers }));
    child.kill("SIGTERM");
  }
  return { status, code: await child.exited, text, log: await new Response(child.stderr).text(), dataDir };
}

function passwordFile(content: string, mode = 0o600): string {
  const path = `${temporaryDirectory()}/password`;
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe("--admin-password-file", () => {
  test("sets the first administrator's password, and can be removed later", async () => {
    const path = passwordFile("from-a-file\n");
    const first = await logIn("from-a-file", ["--admin-password-file", path]);
    expect([first.status, first.code, first.log]).toEqual([200, 0, ""]);
    expect(first.text).not.toContain("has the password");
    rmSync(path);
    const second = await logIn("from-a-file", ["--admin-password-file", path], { dataDir: first.dataDir });
    expect([second.status, second.code]).toEqual([200, 0]);
    expect(second.log).toContain("--admin-password-file is not used: there is an administrator already");
  });

  test("accepts a file that other users can read, with a warning", async () => {
    const path = passwordFile("from-a-file", 0o644);
    const { status, log } = await logIn("from-a-file", ["--admin-password-file", path]);
    expect(status).toBe(200);
    expect(log).toContain(
      `--admin-password-file: ${path} is readable by other users; run 'chmod 600 ${path}'`,
    );
  });

  test.each([
    ["a missing file", () => "/nonexistent/password", "can't be read: ENOENT"],
    ["an empty one", () => passwordFile("\n"), "the password is empty"],
    ["one of two lines", () => passwordFile("one\ntwo\n"), "the password contains a control character"],
  ])("with %s ends the start with one line and exit code 2", async (_, path, reason) => {
    const { code, stdout, stderr } = await run(
      [
        binary(),
        "serve",
        "--data-dir",
        `${temporaryDirectory()}/data`,
        ...PORTS,
        "--admin-password-file",
        path(),
      ],
      { cwd: temporaryDirectory() },
    );
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(new RegExp(`^everlock: --admin-password-file: .*${reason}[^\n]*\n$`));
  });

  test("must have the smallest length of a password at the first start", async () => {
    for (const args of [
      ["--admin-password", "short"],
      ["--admin-password-file", passwordFile("short")],
    ]) {
      const { status, log } = await logIn("short", args);
      expect(status).toBe(0);
      expect(log).toContain("the password has 5 characters, and must have 8 or more");
    }
    expect((await logIn("short", ["--admin-password", "short", "--password-min-length", "5"])).status).toBe(
      200,
    );
  });

  test("and --admin-password exclude each other, from any source", async () => {
    for (const [args, env, file] of [
      [["--admin-password", "a", "--admin-password-file", "b"], {}, "--admin-password-file"],
      [["--admin-password", "a"], { EVERLOCK_ADMIN_PASSWORD_FILE: "b" }, "EVERLOCK_ADMIN_PASSWORD_FILE"],
    ] as const) {
      const { code, stderr } = await run([binary(), "serve", ...PORTS, ...args], {
        cwd: temporaryDirectory(),
        env,
      });
      expect([code, stderr]).toEqual([2, `everlock: give --admin-password or ${file}, not both\n`]);
    }
  });
});

test("a password that is given at a later start is compared with the present one, and the log says if it differs", async () => {
  const first = await logIn("change-me", ["--admin-password", "change-me"]);
  const same = await logIn("change-me", ["--admin-password", "change-me"], { dataDir: first.dataDir });
  expect([same.status, same.log]).toEqual([200, ""]);
  const other = await logIn("change-me", ["--admin-password", "another-one"], { dataDir: first.dataDir });
  expect(other.status).toBe(200);
  expect(other.log).toContain(
    "--admin-password is not the password of 'admin', which was set earlier: it counts at the first start alone; 'everlock passwd' or the console changes a password",
  );
});

describe("the systemd credential 'admin-password'", () => {
  function credentials(content: string): Record<string, string> {
    const directory = temporaryDirectory();
    mkdirSync(`${directory}/credentials`);
    writeFileSync(`${directory}/credentials/admin-password`, content);
    // As systemd shows whom it lets read it by an access control list.
    chmodSync(`${directory}/credentials/admin-password`, 0o440);
    return { CREDENTIALS_DIRECTORY: `${directory}/credentials` };
  }

  test("sets the first administrator's password without a setting", async () => {
    const { status, code, log } = await logIn("handed-over", [], { env: credentials("handed-over\n") });
    expect([status, code, log]).toEqual([200, 0, ""]);
  });

  test("is overridden by a setting", async () => {
    const env = credentials("handed-over");
    expect((await logIn("change-me", ["--admin-password", "change-me"], { env })).status).toBe(200);
    const args = ["--admin-password-file", passwordFile("from-a-file")];
    expect((await logIn("from-a-file", args, { env })).status).toBe(200);
  });
});
