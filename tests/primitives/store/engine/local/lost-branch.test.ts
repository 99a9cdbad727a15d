import { expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { DamagedStoreError } from "../../../../../src/primitives/store/commits/damaged-store.ts";
import type { Store } from "../../../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../../../src/primitives/store/commits/store-path.ts";
import type { ObjectId } from "../../../../../src/primitives/store/git/object-id.ts";
import { localStores } from "../../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../../../support/cleanup.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const NAME = "everlock-test" as StoreName;
const MAIN = "refs/heads/main";
const meta = { author: { name: "alice", email: "alice@everlock" }, message: "write" };
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function open(dataDir: string, head?: ObjectId): Promise<Store> {
  const projection = head && { head, apply: () => undefined, reset: () => expect.unreachable() };
  const store = await localStores(dataDir, silent).open(NAME, projection);
  afterThisTest(() => (store.isClosed ? undefined : store.close()));
  return store;
}

const write = (store: Store, path: string) => store.write(storePath(path), Buffer.from(path), meta);

/** A store of one commit that was closed, and that commit. */
async function closedStore() {
  const dataDir = temporaryDirectory();
  const store = await open(dataDir);
  const { commitId } = await write(store, "a");
  await store.close();
  const dir = `${dataDir}/${NAME}`;
  return { dataDir, dir, commitId: commitId as ObjectId };
}

test("a store whose branch is gone is not opened as an empty one", async () => {
  const { dataDir, dir } = await closedStore();
  rmSync(`${dir}/${MAIN}`);
  const opening = open(dataDir);
  await expect(opening).rejects.toBeInstanceOf(DamagedStoreError);
  await expect(opening).rejects.toThrow(`${dir}/${MAIN} is missing`);
  await expect(opening).rejects.toThrow(`git -C ${dir} update-ref ${MAIN}`);
});

test("a branch that is put back as the message says is served again", async () => {
  const { dataDir, dir, commitId } = await closedStore();
  rmSync(`${dir}/${MAIN}`);
  await expect(open(dataDir)).rejects.toThrow("is missing");
  writeFileSync(`${dir}/${MAIN}`, `${commitId}\n`);
  expect((await open(dataDir)).head().commitId).toBe(commitId);
});

test("objects that git unpacked tell of a lost branch as packs do", async () => {
  const { dataDir, dir, commitId } = await closedStore();
  rmSync(`${dir}/${MAIN}`);
  rmSync(`${dir}/objects/pack`, { recursive: true });
  for (const part of ["pack", "ab"]) mkdirSync(`${dir}/objects/${part}`);
  writeFileSync(`${dir}/objects/ab/${commitId.slice(2)}`, "");
  await expect(open(dataDir)).rejects.toThrow(`${dir}/objects/ab holds objects`);
});

test("an index that knows a commit tells of a lost branch, and names it", async () => {
  const { dataDir, dir, commitId } = await closedStore();
  rmSync(`${dir}/${MAIN}`);
  for (const part of ["pack"]) rmSync(`${dir}/objects/${part}`, { recursive: true });
  mkdirSync(`${dir}/objects/pack`);
  await expect(open(dataDir, commitId)).rejects.toThrow(`update-ref ${MAIN} ${commitId}`);
});

test("blobs without a repository are not given a new one", async () => {
  const dataDir = temporaryDirectory();
  const dir = `${dataDir}/${NAME}`;
  mkdirSync(`${dir}/blobs`, { recursive: true });
  await expect(open(dataDir)).rejects.toThrow(`${dir} has blobs, but neither HEAD nor a branch`);
  expect(await localStores(dataDir, silent).list()).toEqual([NAME]);
});

test("a store that never had a commit is opened, with or without blobs", async () => {
  const dataDir = temporaryDirectory();
  await (await open(dataDir)).close();
  mkdirSync(`${dataDir}/${NAME}/blobs`);
  expect((await open(dataDir)).head().commitId).toBeUndefined();
});

test("a branch that is removed under a running store stops its commits, and what is served stays", async () => {
  const dataDir = temporaryDirectory();
  const store = await open(dataDir);
  const { commitId } = await write(store, "a");
  const path = `${dataDir}/${NAME}/${MAIN}`;
  rmSync(path);
  for (const change of [() => write(store, "b"), () => store.follow()]) {
    await expect(change()).rejects.toThrow(`'git update-ref ${MAIN} ${commitId}' puts it back`);
  }
  expect(store.head().commitId).toBe(commitId as ObjectId);
  writeFileSync(path, `${commitId}\n`);
  await write(store, "c");
  expect((await Array.fromAsync(store.list())).map((file) => String(file.path))).toEqual(["a", "c"]);
});

test("a kill at any moment of the first commit leaves a store that can be opened", async () => {
  const dataDir = temporaryDirectory();
  const store = await open(dataDir);
  const states: string[] = [];
  const copy = () => {
    const state = temporaryDirectory();
    cpSync(dataDir, state, { recursive: true });
    states.push(state);
  };
  const writing = write(store, "a");
  let isOver = false;
  const watching = writing.finally(() => {
    isOver = true;
  });
  for (copy(); !isOver; copy()) await new Promise((resolve) => setImmediate(resolve));
  await watching;
  for (const state of states) await (await open(state)).close();
  expect(states.length).toBeGreaterThan(1);
});

test.each([
  ["a flipped bit in the id", (text: string) => text.replace(/^[0-9a-f]/m, "g")],
  ["a flipped bit in the name", (text: string) => text.replace(MAIN, "refs/heads/mbin")],
  ["a flipped bit in the space", (text: string) => text.replace(" refs", "!refs")],
  ["a lost line", (text: string) => text.split("\n")[0] ?? ""],
])("packed refs with %s stop the store", async (_what, damage) => {
  const { dataDir, dir, commitId } = await closedStore();
  rmSync(`${dir}/${MAIN}`);
  const packed = `# pack-refs with: peeled fully-peeled sorted \n${commitId} ${MAIN}\n`;
  writeFileSync(`${dir}/packed-refs`, packed);
  await (await open(dataDir)).close();
  writeFileSync(`${dir}/packed-refs`, damage(packed));
  await expect(open(dataDir)).rejects.toBeInstanceOf(DamagedStoreError);
});

test("a branch file that a power cut emptied is named", async () => {
  const { dataDir, dir } = await closedStore();
  truncateSync(`${dir}/${MAIN}`);
  await expect(open(dataDir)).rejects.toThrow(`${dir}/${MAIN} is damaged: it holds no object id`);
  expect([statSync(`${dir}/${MAIN}`).size, readFileSync(`${dir}/HEAD`, "utf8")]).toEqual([
    0,
    `ref: ${MAIN}\n`,
  ]);
});

test("a store whose objects are all gone, with their directory, is named", async () => {
  const { dataDir, dir } = await closedStore();
  rmSync(`${dir}/objects`, { recursive: true });
  const opening = open(dataDir);
  await expect(opening).rejects.toBeInstanceOf(DamagedStoreError);
  await expect(opening).rejects.toThrow(`${dir} is damaged: objects/pack is missing`);
});

test("a configuration that is broken is named, and one that was removed is made as it was", async () => {
  const { dataDir, dir, commitId } = await closedStore();
  const config = readFileSync(`${dir}/config`, "utf8");
  writeFileSync(`${dir}/config`, config.replace("sha256", "sha255"));
  const opening = open(dataDir);
  await expect(opening).rejects.toBeInstanceOf(DamagedStoreError);
  await expect(opening).rejects.toThrow(`${dir}/config is damaged: `);
  rmSync(`${dir}/config`);
  expect((await open(dataDir)).head().commitId).toBe(commitId);
  expect(readFileSync(`${dir}/config`, "utf8")).toBe(config);
});

test("what can't be opened keeps no files open, however often it is tried", async () => {
  const { dataDir, dir } = await closedStore();
  rmSync(`${dir}/${MAIN}`);
  const descriptors = () => readdirSync("/proc/self/fd").length;
  await expect(open(dataDir)).rejects.toThrow("is missing");
  const before = descriptors();
  for (let attempt = 0; attempt < 5; attempt++) await expect(open(dataDir)).rejects.toThrow("is missing");
  expect(descriptors()).toBe(before);
});
