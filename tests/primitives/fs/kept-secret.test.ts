import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { keptSecret } from "../../../src/primitives/fs/kept-secret.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const generate = () => crypto.getRandomValues(new Uint8Array(32));

test("a kept secret is generated once and is the same ever after", async () => {
  const path = `${temporaryDirectory()}/key`;
  const first = await keptSecret(path, generate);
  expect(await keptSecret(path, generate)).toEqual(first);
  expect(first).toHaveLength(32);
});

test("a kept secret is readable only by its owner, even after its mode was widened", async () => {
  const path = `${temporaryDirectory()}/key`;
  await keptSecret(path, generate);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  chmodSync(path, 0o644);
  await keptSecret(path, generate);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a secret that can't be created or read is an error with its path", async () => {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/key`);
  await expect(keptSecret(`${dir}/key`, generate)).rejects.toThrow(`can't use ${dir}/key: `);
});
