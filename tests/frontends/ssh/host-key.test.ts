import { expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { ensureHostKey, generateHostKey } from "../../../src/frontends/ssh/host-key.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** What ssh2 generates when the public key begins with a zero byte: the field is a byte short. */
const SHORT_KEY = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMgAAAAtz
c2gtZWQyNTUxOQAAAB9u8F7Rg+9eVkFMMHFcxq2Sk9JJMiPdobNUPusDMCBFAAAA
kBlgb0cZYG9HAAAAC3NzaC1lZDI1NTE5AAAAH27wXtGD715WQUwwcVzGrZKT0kky
I92hs1Q+6wMwIEUAAAA/2sQhClCbfJdjib2v75Yu708riecqtUVzUtpwFjkyCxRu
8F7Rg+9eVkFMMHFcxq2Sk9JJMiPdobNUPusDMCBFAAAACGV2ZXJsb2NrAQIDBAUG
Bw==
-----END OPENSSH PRIVATE KEY-----
`;

test("a generated host key that is too short is discarded", () => {
  const good = generateHostKey();
  const generated = [SHORT_KEY, SHORT_KEY, good];
  expect(generateHostKey(() => generated.shift() ?? "")).toBe(good);
});

test("the host key is generated once and is readable only by its owner", async () => {
  const path = `${temporaryDirectory()}/key`;
  const key = await ensureHostKey(path);
  expect(await ensureHostKey(path)).toBe(key);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("an unreadable host key is named in the error and not replaced", async () => {
  const path = `${temporaryDirectory()}/key`;
  writeFileSync(path, SHORT_KEY);
  await expect(ensureHostKey(path)).rejects.toThrow(`the SSH host key ${path} can't be read`);
  expect(await Bun.file(path).text()).toBe(SHORT_KEY);
});

test.each(["", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA", "\0".repeat(400)])(
  "the error for a host key damaged to %p says how to repair it",
  async (content) => {
    const path = `${temporaryDirectory()}/key`;
    writeFileSync(path, content);
    await expect(ensureHostKey(path)).rejects.toThrow(
      `the SSH host key ${path} can't be read; restore it from a backup`,
    );
  },
);
