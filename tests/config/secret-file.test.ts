import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { readSecretFile } from "../../src/config/secret-file.ts";
import { UsageError } from "../../src/config/settings.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

function secretFile(content: string | Uint8Array, mode = 0o600): string {
  const path = `${temporaryDirectory()}/secret`;
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

test.each([
  ["s3cret", "s3cret"],
  ["s3cret\n", "s3cret"],
  ["s3cret\r\n", "s3cret"],
  ["s3cret\n\n", "s3cret\n"],
  [" pässword ", " pässword "],
  ["", ""],
])("a file with %p has the secret %p", (content, secret) => {
  expect(readSecretFile(secretFile(content), "x")).toEqual({ secret, exposure: undefined });
});

test.each([
  [0o400, undefined],
  [0o600, undefined],
  [0o640, "readable"],
  [0o604, "readable"],
  [0o620, "writable"],
  [0o666, "writable"],
] as const)("a file with mode %o has the exposure %p", (mode, exposure) => {
  expect(readSecretFile(secretFile("s", mode), "x").exposure).toBe(exposure);
});

test("a secret can be read from a pipe, which counts as private", async () => {
  const child = Bun.spawn(
    [
      "bash",
      "-c",
      `exec "$0" -e 'import { readSecretFile } from "./src/config/secret-file.ts"; console.log(JSON.stringify(readSecretFile(process.argv[1], "x")))' <(printf 's3cret\\n')`,
      process.execPath,
    ],
    { cwd: `${import.meta.dir}/../..`, stdout: "pipe" },
  );
  expect(JSON.parse(await new Response(child.stdout).text())).toEqual({ secret: "s3cret" });
});

test.each([
  [
    "a missing file",
    () => `${temporaryDirectory()}/none`,
    /^--admin-password-file: .*\/none can't be read: ENOENT/,
  ],
  ["a directory", () => temporaryDirectory(), /^--admin-password-file: .* can't be read: EISDIR/],
  ["an endless device", () => "/dev/zero", /^--admin-password-file: \/dev\/zero is longer than 8192 bytes$/],
  ["bytes that are no text", () => secretFile(new Uint8Array([0xff, 0xfe])), /secret is not UTF-8$/],
])("%s is refused by name", (_, path, message) => {
  const read = () => readSecretFile(path(), "--admin-password-file");
  expect(read).toThrow(UsageError);
  expect(read).toThrow(message);
});
