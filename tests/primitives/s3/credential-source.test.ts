import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { credentialSource, MissingCredentialsError } from "../../../src/primitives/s3/credential-source.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const text = (key: string) => `[default]\naws_access_key_id = ${key}\naws_secret_access_key = secret\n`;

test("keys that are renewed in their file are used within about a minute", () => {
  const file = `${temporaryDirectory()}/credentials`;
  writeFileSync(file, text("old"));
  let now = 0;
  const source = credentialSource(file, { now: () => now });
  expect(source().accessKeyId).toBe("old");
  writeFileSync(file, text("new"));
  now = 59_000;
  expect(source().accessKeyId).toBe("old");
  now = 60_000;
  expect(source().accessKeyId).toBe("new");
});

test("a file that is missing or has no keys is named", () => {
  const file = `${temporaryDirectory()}/credentials`;
  const source = credentialSource(file);
  expect(source).toThrow(MissingCredentialsError);
  writeFileSync(file, "[other]\n");
  expect(source).toThrow(file);
  rmSync(file);
});
