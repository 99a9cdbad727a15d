import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { changeEntries, removeFile, replaceFile, writeSynced } from "../../../src/primitives/fs/durable.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const bytes = (text: string) => Buffer.from(text);

test("a file is replaced atomically, with its mode, and leaves no temporary file", async () => {
  const dir = temporaryDirectory();
  await replaceFile(`${dir}/secret`, bytes("old"), 0o600);
  await replaceFile(`${dir}/secret`, bytes("new"), 0o600);
  expect(readFileSync(`${dir}/secret`, "utf8")).toBe("new");
  expect(statSync(`${dir}/secret`).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir)).toEqual(["secret"]);
});

test("a temporary file that a crash left does not keep a file from being replaced", async () => {
  const dir = temporaryDirectory();
  writeFileSync(`${dir}/file.new`, "half");
  await replaceFile(`${dir}/file`, bytes("whole"));
  expect([readdirSync(dir), readFileSync(`${dir}/file`, "utf8")]).toEqual([["file"], "whole"]);
});

test("if a file can't be replaced, the old one stays and no temporary file is left", async () => {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/taken/full`, { recursive: true });
  await expect(replaceFile(`${dir}/taken`, bytes("new"))).rejects.toThrow();
  expect(readdirSync(dir)).toEqual(["taken"]);
  expect(existsSync(`${dir}/taken/full`)).toBe(true);
});

test("a synced file is created only if none exists", async () => {
  const path = `${temporaryDirectory()}/file`;
  await writeSynced(path, bytes("first"));
  await expect(writeSynced(path, bytes("second"))).rejects.toThrow("EEXIST");
  expect(readFileSync(path, "utf8")).toBe("first");
});

test("entries of a missing directory are not changed", async () => {
  let isChanged = false;
  const change = async () => {
    isChanged = true;
  };
  await expect(changeEntries(`${temporaryDirectory()}/gone`, change)).rejects.toThrow("ENOENT");
  expect(isChanged).toBe(false);
});

test("removing a file that is not there is no error, and removing a directory as a file is one", () => {
  const dir = temporaryDirectory();
  removeFile(`${dir}/nothing`);
  expect(() => removeFile(dir)).toThrow();
});
