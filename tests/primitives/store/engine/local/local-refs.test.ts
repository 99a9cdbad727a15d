import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { LocalRefs } from "../../../../../src/primitives/store/engine/local/local-refs.ts";
import type { ObjectId } from "../../../../../src/primitives/store/git/object-id.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const MAIN = "refs/heads/main";
const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [ObjectId, ObjectId, ObjectId];
const ready = Promise.resolve();

function open() {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/refs/heads`, { recursive: true });
  const heads = () => readdirSync(`${dir}/refs/heads`).sort();
  return { dir, heads, lock: `${dir}/${MAIN}.lock`, refs: new LocalRefs(dir) };
}

describe("a ref", () => {
  test("moves if it is where it is expected, and leaves no lock", async () => {
    const { refs, heads } = open();
    expect(await refs.compareAndSwap(MAIN, undefined, a, ready)).toBe(true);
    expect(await refs.compareAndSwap(MAIN, a, b, ready)).toBe(true);
    expect([await refs.read(MAIN), heads()]).toEqual([b, ["main"]]);
  });

  test("stays where it is if it is not where it is expected", async () => {
    const { refs, heads } = open();
    await refs.compareAndSwap(MAIN, undefined, a, ready);
    expect(await refs.compareAndSwap(MAIN, b, c, ready)).toBe(false);
    expect([await refs.read(MAIN), heads()]).toEqual([a, ["main"]]);
  });

  test("stays where it is while another process has locked it, and the lock is not removed", async () => {
    const { refs, heads, lock } = open();
    writeFileSync(lock, "");
    expect(await refs.compareAndSwap(MAIN, undefined, a, ready)).toBe(false);
    expect(refs.lock(MAIN)).toBe(false);
    expect([await refs.read(MAIN), heads()]).toEqual([undefined, ["main.lock"]]);
  });

  test("is not locked any more when the objects that it is to point at could not be stored", async () => {
    const { refs, heads } = open();
    const failed = Promise.reject(new Error("the disk is full"));
    await expect(refs.compareAndSwap(MAIN, undefined, a, failed)).rejects.toThrow("the disk is full");
    expect(heads()).toEqual([]);
    expect(await refs.compareAndSwap(MAIN, undefined, a, ready)).toBe(true);
  });

  test("is not locked any more when it can't be read", async () => {
    const { refs, heads, dir } = open();
    writeFileSync(`${dir}/${MAIN}`, "garbage\n");
    await expect(refs.compareAndSwap(MAIN, a, b, ready)).rejects.toThrow("it holds no object id");
    expect(heads()).toEqual(["main"]);
  });

  test("is not locked any more when it can't be moved", async () => {
    const { refs, heads, dir } = open();
    // A directory can't be replaced by a file.
    mkdirSync(`${dir}/${MAIN}`);
    const other = { read: async () => undefined };
    const swap = Object.assign(refs, other).compareAndSwap(MAIN, undefined, a, ready);
    await expect(swap).rejects.toThrow();
    expect(heads()).toEqual(["main"]);
  });

  test("whose lock we could not remove is taken over by the next one who locks it", async () => {
    const { refs, heads, lock } = open();
    expect(refs.lock(MAIN)).toBe(true);
    // What can't be removed as a file is.
    rmSync(lock);
    mkdirSync(lock);
    refs.unlock(MAIN);
    expect(heads()).toEqual(["main.lock"]);
    // As long as it stays, that is said instead of waiting for another process.
    expect(() => refs.lock(MAIN)).toThrow();
    rmdirSync(lock);
    expect(await refs.compareAndSwap(MAIN, undefined, a, ready)).toBe(true);
  });

  test("whose lock another process has meanwhile is left to that", () => {
    const { refs, heads, lock } = open();
    refs.lock(MAIN);
    rmSync(lock);
    mkdirSync(lock);
    refs.unlock(MAIN);
    writeFileSync(`${lock}.other`, "");
    rmdirSync(lock);
    renameSync(`${lock}.other`, lock);
    expect(refs.lock(MAIN)).toBe(false);
    expect(heads()).toEqual(["main.lock"]);
  });

  test("that is written by the one who locked it leaves no temporary file, whether that works or not", async () => {
    const { refs, dir } = open();
    await refs.write(MAIN, a);
    expect(readFileSync(`${dir}/${MAIN}`, "utf8")).toBe(`${a}\n`);
    rmSync(`${dir}/${MAIN}`);
    mkdirSync(`${dir}/${MAIN}`);
    await expect(refs.write(MAIN, b)).rejects.toThrow();
    expect(existsSync(`${dir}/everlock-ref.new`)).toBe(false);
  });
});
