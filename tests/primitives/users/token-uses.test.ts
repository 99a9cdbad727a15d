import { expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ApiTokenId } from "../../../src/primitives/users/api-token.ts";
import { TokenUses } from "../../../src/primitives/users/token-uses.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const ID = "0a1b2c3d4e" as ApiTokenId;

function memoryLog() {
  const lines: string[] = [];
  const add = (message: string) => void lines.push(message);
  return { lines, log: { info: add, warn: add, error: add } };
}

test("the last uses of API tokens are kept across a restart, in a file that only its owner can read", async () => {
  const path = `${temporaryDirectory()}/token_uses.json`;
  const { log } = memoryLog();
  const uses = new TokenUses(path, log);
  uses.note(ID);
  const used = uses.lastUse(ID);
  await uses.close();
  expect([readdirSync(dirname(path)), statSync(path).mode & 0o777]).toEqual([["token_uses.json"], 0o600]);
  const again = new TokenUses(path, log);
  expect(again.lastUse(ID)).toBe(used);
  await again.close();
});

test.each(["", '{"0a1b2c3d4e": 17', "null", "\0\0\0\0"])(
  "a file that a crash has left as %p begins empty, is reported, and is written whole again",
  async (content) => {
    const path = `${temporaryDirectory()}/token_uses.json`;
    writeFileSync(path, content);
    const { log, lines } = memoryLog();
    const uses = new TokenUses(path, log);
    expect(uses.lastUse(ID)).toBeUndefined();
    expect(lines).toEqual([expect.stringContaining(`${path} can't be read`)]);
    uses.note(ID);
    await uses.close();
    const again = new TokenUses(path, log);
    expect(again.lastUse(ID)).toBeNumber();
    await again.close();
  },
);
