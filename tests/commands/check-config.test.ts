import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { run } from "../support/tools.ts";

function checkConfig(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  return run([binary(), "check-config", ...args], { cwd: temporaryDirectory(), ...options });
}

test("valid settings are listed with where each comes from, without the password, and nothing is made", async () => {
  const cwd = temporaryDirectory();
  writeFileSync(
    `${cwd}/everlock.toml`,
    '# comment\nlimit-connections = 50\ngc-every = "12h"\nadmin-password = "s3cret-one"\n',
  );
  const { code, stdout, stderr } = await checkConfig(
    ["--config", "everlock.toml", "--access-log", "access.log", "--data-dir", "there"],
    { cwd, env: { EVERLOCK_GC_EVERY: "1d" } },
  );
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toBe(
    `data-dir = there  (--data-dir)
config = everlock.toml  (--config)
access-log = access.log  (--access-log)
limit-connections = 50  (everlock.toml, line 2)
gc-every = 1d  (EVERLOCK_GC_EVERY)
admin-password = (hidden)  (everlock.toml, line 4)
The settings are valid
`,
  );
  expect([existsSync(`${cwd}/there`), existsSync(`${cwd}/access.log`)]).toEqual([false, false]);
});

test.each([
  [["--gc-every", "often"], 2, "--gc-every must be a time such as 6h"],
  [["--config", "none.toml"], 2, "can't read the configuration file none.toml"],
  [["--access-log", "/nonexistent/access.log"], 2, "--access-log: can't write to /nonexistent/access.log"],
  [
    [
      "--frontend-http-listen-https=127.0.0.1:8443",
      "--frontend-http-tls-certificate=none.pem",
      "--frontend-http-tls-key=none.key",
    ],
    2,
    "--frontend-http-tls-certificate: none.pem can't be read",
  ],
  [["--data-dir", "/dev/null"], 2, "--data-dir: /dev/null is not a directory"],
  [["--config="], 2, "--config must not be empty"],
  [
    ["--backend-oci-http-store", "everlock-users"],
    2,
    "--backend-oci-http-store: the store 'everlock-users' holds the server's own data",
  ],
  [
    ["--admin-password", "short"],
    2,
    "--admin-password: the password has 5 characters, and must have 8 or more",
  ],
  [["--admin-password-file", "/dev/null"], 2, "--admin-password-file: /dev/null: the password is empty"],
])("what is wrong ends with an error: %p", async (args, exitCode, message) => {
  const { code, stdout, stderr } = await checkConfig(args);
  expect([code, stdout]).toEqual([exitCode, ""]);
  expect(stderr).toStartWith(`everlock: ${message}`);
});

test("a variable that is no setting, and a password file that is not there yet, are warned of", async () => {
  const { code, stderr } = await checkConfig(["--admin-password-file", "later"], {
    env: { EVERLOCK_DATADIR: "x" },
  });
  expect(code).toBe(0);
  expect(stderr).toContain(
    "the environment variable EVERLOCK_DATADIR is not a setting and is ignored; did you mean 'EVERLOCK_DATA_DIR'?",
  );
  expect(stderr).toMatch(/--admin-password-file: there is no file .*later; the first start requires it/);
});
