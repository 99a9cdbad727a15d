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

test("a host key that was generated too short is thrown away", () => {
  const good = generateHostKey();
  const generated = [SHORT_KEY, SHORT_KEY, good];
  expect(generateHostKey(() => generated.shift() ?? "")).toBe(good);
});

test("the host key is made once, and is its owner's alone", async () => {
  const path = `${temporaryDirectory()}/key`;
  const key = await ensureHostKey(path);
  expect(await ensureHostKey(path)).toBe(key);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a host key that can't be read is named, and not replaced", async () => {
  const path = `${temporaryDirectory()}/key`;
  writeFileSync(path, SHORT_KEY);
  await expect(ensureHostKey(path)).rejects.toThrow(`the SSH host key ${path} can't be read`);
  expect(await Bun.file(path).text()).toBe(SHORT_KEY);
});

test.each(["", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA", "\0".repeat(400)])(
  "of a host key that a crash has left as %p, the server says what to do",
  async (content) => {
    const path = `${temporaryDirectory()}/key`;
    writeFileSync(path, content);
    await expect(ensureHostKey(path)).rejects.toThrow(
      `the SSH host key ${path} can't be read; put its backup there`,
    );
  },
);
