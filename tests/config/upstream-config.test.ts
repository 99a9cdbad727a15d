import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { resolveServerConfig } from "../../src/config/server-config.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const COMMAND = "--upstream-credential-command";

test("a command for a host is split into words, without a shell", () => {
  const { upstreamCredentials } = resolveServerConfig([COMMAND, "docker.io=/bin/helper  --x $HOME"], {});
  expect([...upstreamCredentials.commands]).toEqual([
    ["https://registry-1.docker.io", ["/bin/helper", "--x", "$HOME"]],
  ]);
});

test.each(["registry.example", "=command", "registry.example=", "ftp://x=command"])(
  "%s is refused",
  (text) => {
    expect(() => resolveServerConfig([COMMAND, text], {})).toThrow(
      `${COMMAND}: '${text}' is not <host>=<command>, such as registry.example.org=/usr/local/bin/registry-password`,
    );
  },
);

test("a credentials file must be readable at the start, and a systemd credential is found by its name", () => {
  const dir = temporaryDirectory();
  const file = `${dir}/upstream-credentials`;
  expect(() => resolveServerConfig(["--upstream-credentials", file], {})).toThrow(
    `--upstream-credentials: the credentials file ${file} can't be read`,
  );
  writeFileSync(file, "{}");
  const environment = { CREDENTIALS_DIRECTORY: dir };
  expect(resolveServerConfig([], environment).upstreamCredentials.file).toBe(file);
  expect(resolveServerConfig([], {}).upstreamCredentials.file).toBeUndefined();
});
