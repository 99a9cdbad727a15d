import { expect, test } from "bun:test";
import { cpSync, writeFileSync } from "node:fs";
import { consoleLogger } from "../../../../../src/primitives/logging/logger.ts";
import { storePath } from "../../../../../src/primitives/store/commits/store-path.ts";
import { hasUnseenCommits } from "../../../../../src/primitives/store/engine/local/unseen-commits.ts";
import { localStores } from "../../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../../src/primitives/store/store-manager.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const NAME = "test" as StoreName;

test("commits that a killed server has left in the journal are found, until the store was opened again", async () => {
  const author = { name: "alice", email: "alice@everlock" };
  const dir = temporaryDirectory();
  const store = await localStores(dir, consoleLogger).open(NAME);
  const write = (name: string) =>
    store.write(storePath(name), Buffer.from(name), { author, message: `write ${name}` });
  await write("first");
  expect(await hasUnseenCommits(`${dir}/${NAME}`)).toBe(false);
  await Promise.all(Array.from({ length: 20 }, (_, i) => write(`a${i}`)));
  const killed = temporaryDirectory();
  cpSync(`${dir}/${NAME}`, `${killed}/${NAME}`, { recursive: true });
  await store.close();
  expect(await hasUnseenCommits(`${dir}/${NAME}`)).toBe(false);
  expect(await hasUnseenCommits(`${killed}/${NAME}`)).toBe(true);
  await (await localStores(killed, consoleLogger).open(NAME)).close();
  expect(await hasUnseenCommits(`${killed}/${NAME}`)).toBe(false);
});

test("a journal that makes no sense is damage", async () => {
  const dir = temporaryDirectory();
  writeFileSync(`${dir}/everlock-journal`, "x".repeat(1000));
  expect(await hasUnseenCommits(dir).catch(String)).toContain("everlock-journal is damaged");
  expect(await hasUnseenCommits(temporaryDirectory())).toBe(false);
});
