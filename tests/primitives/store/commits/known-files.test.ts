import { expect, test } from "bun:test";
import { SYSTEM_IDENTITY } from "../../../../src/primitives/store/commits/commit-group.ts";
import { ChangedWithGitError, KnownFiles } from "../../../../src/primitives/store/commits/known-files.ts";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";

const [MINE, OTHER] = ["config/mine.toml", "config/other.toml"].map(storePath) as [never, never];
const META = { author: SYSTEM_IDENTITY, message: "edit" };

async function openFiles() {
  const { objects, branch } = new MemoryStore();
  const store = await Store.open("known", { objects, branch });
  afterThisTest(() => store.close());
  const files = new KnownFiles(store, store.head());
  const write = (path: never, text: string | null) =>
    files.commit([{ path, content: text === null ? null : Buffer.from(text) }], META);
  const edit = (path: never, text: string) => store.write(path, Buffer.from(text), META);
  const read = async (path: never) => Buffer.from((await store.read(path)) ?? []).toString();
  return { store, files, write, edit, read };
}

test("a known file is written, deleted and created again as long as no other writer changes it", async () => {
  const { write, edit, read } = await openFiles();
  await write(MINE, "1");
  await edit(OTHER, "by git");
  await write(MINE, "2");
  await write(MINE, null);
  await write(MINE, "3");
  expect(await read(MINE)).toBe("3");
});

test("a file that another writer changed, created or deleted is not overwritten until it is read", async () => {
  const { store, files, write, edit, read } = await openFiles();
  await edit(MINE, "made by git");
  await expect(write(MINE, "1")).rejects.toThrow(ChangedWithGitError);
  files.replace(store.head());
  await write(MINE, "2");
  await edit(MINE, "changed by git");
  await expect(write(MINE, "3")).rejects.toThrow(
    "'config/mine.toml' was changed with git and is not loaded yet; run '/config reload'",
  );
  expect(await read(MINE)).toBe("changed by git");
  await store.delete(MINE, META);
  await expect(write(MINE, "4")).rejects.toThrow(ChangedWithGitError);
  files.replace(store.head());
  await write(MINE, "5");
  expect(await read(MINE)).toBe("5");
});

test("none of several files is written if another writer changed one of them", async () => {
  const { files, edit, read } = await openFiles();
  await edit(OTHER, "by git");
  const changes = [MINE, OTHER].map((path) => ({ path, content: Buffer.from("1") }));
  await expect(files.commit(changes, META)).rejects.toThrow(ChangedWithGitError);
  expect(await read(MINE)).toBe("");
});

test("a change that another node gets ahead of is made again on what that node has changed", async () => {
  const { store, files, write, edit, read } = await openFiles();
  store.catchUp = async () => files.replace(store.head());
  await edit(MINE, "by another node");
  const seen: string[] = [];
  await files.change(async () => {
    seen.push(await read(MINE));
    await write(MINE, "mine");
  });
  expect(seen).toEqual(["by another node", "by another node"]);
  expect(await read(MINE)).toBe("mine");
});

test("a change that other nodes get ahead of again and again fails in the end", async () => {
  const { store, files, write, edit } = await openFiles();
  store.catchUp = async () => {
    files.replace(store.head());
    await edit(MINE, crypto.randomUUID());
  };
  await edit(MINE, "by another node");
  await expect(files.change(() => write(MINE, "mine"))).rejects.toThrow(ChangedWithGitError);
});

test("a change that stock git gets ahead of is not made again", async () => {
  const { files, write, edit, read } = await openFiles();
  await edit(MINE, "by git");
  await expect(files.change(() => write(MINE, "mine"))).rejects.toThrow(ChangedWithGitError);
  expect(await read(MINE)).toBe("by git");
});
