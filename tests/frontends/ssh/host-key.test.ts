import { expect, test } from "bun:test";
import { generateHostKey, readHostKey } from "../../../src/frontends/ssh/host-key.ts";

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

test("a generated host key can be read", () => {
  const key = generateHostKey();
  expect(readHostKey({ bytes: Buffer.from(key), place: "key" })).toBe(key);
});

test.each([SHORT_KEY, "", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA", "\0".repeat(400)])(
  "the error for a host key damaged to %p names it and says how to repair it",
  (content) => {
    expect(() => readHostKey({ bytes: Buffer.from(content), place: "/data/key" })).toThrow(
      "the SSH host key /data/key can't be read; restore it from a backup",
    );
  },
);
