import { expect, test } from "bun:test";
import { FileLock, isHeldByOther } from "../../../src/primitives/sqlite/file-lock.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("a second lock on the same file is refused until the first one is released", () => {
  const path = `${temporaryDirectory()}/lock`;
  const first = new FileLock(path);
  let error: unknown;
  try {
    new FileLock(path);
  } catch (thrown) {
    error = thrown;
  }
  expect(isHeldByOther(error)).toBe(true);
  first.release();
  new FileLock(path).release();
});

test("a lock that cannot be made is not taken for one that another process holds", () => {
  let error: unknown;
  try {
    new FileLock(`${temporaryDirectory()}/none/lock`);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(Error);
  expect(isHeldByOther(error)).toBe(false);
});
