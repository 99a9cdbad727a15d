import { expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ensureTokenKey } from "../../../../src/frontends/http/auth/token-key.ts";
import { LocalEngine } from "../../../../src/primitives/store/engine/local/local-engine.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

function directoryOfSecrets(directory = temporaryDirectory()) {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  return { secrets: new LocalEngine(directory, log), path: `${directory}/token_key` };
}

test("the token key is generated once, written atomically, and readable only by its owner", async () => {
  const { secrets, path } = directoryOfSecrets();
  const key = await ensureTokenKey(secrets);
  expect(key).toHaveLength(32);
  expect([readdirSync(dirname(path)), statSync(path).mode & 0o777]).toEqual([["token_key"], 0o600]);
  chmodSync(path, 0o644);
  expect(await ensureTokenKey(secrets)).toEqual(key);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test.each([
  ["nothing", new Uint8Array(0), "is not 32 bytes long"],
  ["half of it", new Uint8Array(16).fill(7), "is not 32 bytes long"],
  ["zeros", new Uint8Array(32), "contains only zeros"],
  ["more than it", new Uint8Array(33).fill(7), "is not 32 bytes long"],
])(
  "a token key of which a damaged disk has left %s signs nothing, and is left for the operator",
  async (_, bytes, reason) => {
    const { secrets, path } = directoryOfSecrets();
    writeFileSync(path, bytes);
    expect(ensureTokenKey(secrets)).rejects.toThrow(
      `the token key ${path} ${reason}; remove it and the server generates a new one`,
    );
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
  },
);

test("the error message names a token key that can't be generated", async () => {
  const directory = temporaryDirectory();
  writeFileSync(`${directory}/file`, "");
  const path = `${directory}/file/token_key`;
  const { secrets } = directoryOfSecrets(`${directory}/file`);
  await expect(ensureTokenKey(secrets)).rejects.toThrow(`can't use ${path}: ENOTDIR`);
});
