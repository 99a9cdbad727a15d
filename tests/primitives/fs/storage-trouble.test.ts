import { expect, test } from "bun:test";
import { BranchLockedError, storageTroubleOf } from "../../../src/primitives/fs/storage-trouble.ts";

const failure = (code: string) => Object.assign(new Error("failed"), { code });

test.each([
  ["ENOSPC", "no-room"],
  ["EDQUOT", "no-room"],
  ["SQLITE_FULL", "no-room"],
  ["EROFS", "read-only"],
  ["SQLITE_READONLY_DBMOVED", "read-only"],
  ["EIO", "failing"],
  ["SQLITE_IOERR_WRITE", "failing"],
  ["EMFILE", "no-descriptors"],
  ["ENFILE", "no-descriptors"],
] as const)("%s is told as %s, as a cause too", (code, trouble) => {
  expect(storageTroubleOf(failure(code))).toBe(trouble);
  expect(storageTroubleOf(new Error("no commit", { cause: failure(code) }))).toBe(trouble);
});

test("a lock of another process is a storage problem", () => {
  expect(storageTroubleOf(new BranchLockedError("refs/heads/main"))).toBe("locked");
});

test("a bug is not a storage problem", () => {
  expect(storageTroubleOf(new TypeError("undefined is not a function"))).toBeUndefined();
  expect(storageTroubleOf("ENOSPC")).toBeUndefined();
  expect(storageTroubleOf(failure("ENOENT"))).toBeUndefined();
});
