import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import { consoleLogger } from "../../../../../../src/primitives/logging/logger.ts";
import { storePath } from "../../../../../../src/primitives/store/commits/store-path.ts";
import { copyStore } from "../../../../../../src/primitives/store/engine/local/copy/store-copy.ts";
import {
  createLinks,
  salvageLinks,
} from "../../../../../../src/primitives/store/engine/local/links-database.ts";
import { LocalBlobs } from "../../../../../../src/primitives/store/engine/local/local-blobs.ts";
import { localStores } from "../../../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../../../src/primitives/store/store-manager.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";

const MAIN = "refs/heads/main";

/** A store with one commit, closed, and blobs of these sizes. */
async function storeWith(sizes: readonly number[]) {
  const dir = temporaryDirectory();
  const store = await localStores(dir, consoleLogger).open("test" as StoreName);
  const author = { name: "alice", email: "alice@everlock" };
  await store.write(storePath("a"), Buffer.from("a"), { author, message: "write a" });
  await store.close();
  const source = `${dir}/test`;
  const blobs = await LocalBlobs.open(`${source}/blobs`, () => undefined);
  const digests = [];
  for (const size of sizes) {
    const bytes = randomBytes(size);
    const digest = digestOf(bytes);
    writeFileSync(`${dir}/upload`, bytes);
    await blobs.place(digest, `${dir}/upload`);
    digests.push(digest);
  }
  return { source, blobs, digests, target: `${temporaryDirectory()}/copy` };
}

const noProgress = () => undefined;

test("a copy counts every byte of the blobs that were copied at the same time", async () => {
  const sizes = Array.from({ length: 40 }, (_, i) => 1000 + i);
  const { source, target } = await storeWith(sizes);
  expect(await copyStore(source, target, noProgress)).toMatchObject({
    blobs: sizes.length,
    copiedBlobs: sizes.length,
    copiedBytes: sizes.reduce((sum, size) => sum + size),
    damaged: [],
  });
  expect(await copyStore(source, target, noProgress)).toMatchObject({ copiedBlobs: 0, copiedBytes: 0 });
});

test("a copy that fails leaves no half files, and ends only when all of its work has", async () => {
  const { source, blobs, digests, target } = await storeWith(Array.from({ length: 30 }, () => 300_000));
  // In the way of one blob: a directory that can't be replaced.
  const [first = digestOf(Buffer.from(""))] = digests;
  const inTheWay = blobs.path(first).replace(source, target);
  mkdirSync(`${inTheWay}/below`, { recursive: true });
  const failure = await copyStore(source, target, noProgress).catch((error: Error) => error);
  expect(failure).toBeInstanceOf(Error);
  const files = () => readdirSync(target, { recursive: true }).map(String);
  expect(files().filter((name) => name.endsWith(".copying"))).toEqual([]);
});

test("what a killed copy has left is removed by the next one", async () => {
  const { source, target } = await storeWith([10]);
  await copyStore(source, target, noProgress);
  const leftovers = [`${target}/blobs/sha256/00/ff.copying`, `${target}/objects/pack/pack-0.pack.copying`];
  for (const path of leftovers) writeFileSync(path, "half");
  await copyStore(source, target, noProgress);
  expect(
    readdirSync(target, { recursive: true }).filter((name) => String(name).endsWith(".copying")),
  ).toEqual([]);
});

test("a ref that the source has packed is not left behind at its old place, where it would win", async () => {
  const { source, target } = await storeWith([]);
  await copyStore(source, target, noProgress);
  const id = readFileSync(`${source}/${MAIN}`, "utf8").trim();
  writeFileSync(`${target}/${MAIN}`, `${"0".repeat(64)}\n`);
  rmSync(`${source}/${MAIN}`);
  writeFileSync(`${source}/packed-refs`, `# pack-refs with: peeled fully-peeled sorted \n${id} ${MAIN}\n`);
  await copyStore(source, target, noProgress);
  expect(readdirSync(`${target}/refs/heads`)).toEqual([]);
  expect(readFileSync(`${target}/packed-refs`, "utf8")).toContain(id);
});

test("a source that has lost its branch takes the copy's from it under no circumstances", async () => {
  const { source, target } = await storeWith([]);
  await copyStore(source, target, noProgress);
  const before = readFileSync(`${target}/${MAIN}`, "utf8");
  rmSync(`${source}/${MAIN}`);
  expect(await copyStore(source, target, noProgress).catch(String)).toContain("the store 'test' is damaged");
  expect(readFileSync(`${target}/${MAIN}`, "utf8")).toBe(before);
});

test("a loose object that is damaged or half copied is found out", async () => {
  const { source, target } = await storeWith([]);
  const loose = `${source}/objects/ab`;
  mkdirSync(loose);
  writeFileSync(`${loose}/${"c".repeat(62)}`, "not deflated");
  expect(await copyStore(source, target, noProgress).catch(String)).toContain("is damaged");
});

test("a copy has the links that took the place of damaged ones", async () => {
  const { source, target, digests } = await storeWith([100]);
  const [digest = digestOf(Buffer.from(""))] = digests;
  const link = { scope: "app", digest, linkedAt: 1_700_000_000 };
  writeFileSync(`${source}/links.sqlite`, "damaged");
  createLinks(`${source}/links.rebuilt.sqlite`, [link]);
  await copyStore(source, target, noProgress);
  expect(salvageLinks(`${target}/links.sqlite`)).toEqual([link]);
});
