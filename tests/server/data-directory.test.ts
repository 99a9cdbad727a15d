import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { DataDirectory } from "../../src/server/data-directory.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

test("a data directory that is a link to nothing is refused in words", () => {
  const path = `${temporaryDirectory()}/data`;
  symlinkSync(`${path}-missing`, path);
  expect(() => DataDirectory.acquire(path)).toThrow(
    `can't use the data directory ${path}: it is a link that leads to nothing`,
  );
});

test.each([
  ["has other files and was open to other users", ["mail"], 0o755, 1],
  ["has other files and was closed", ["mail"], 0o700, 0],
  ["is empty", [], 0o755, 0],
  ["is the root of a file system", ["lost+found"], 0o755, 0],
  ["is in use as a data directory", ["everlock.lock", "mail"], 0o755, 0],
])(
  "a directory is closed to other users, and the log says so only where it matters: it %s",
  (_, names, mode, count) => {
    const path = `${temporaryDirectory()}/data`;
    mkdirSync(path);
    for (const name of names) writeFileSync(`${path}/${name}`, "");
    chmodSync(path, mode);
    const reports: string[] = [];
    DataDirectory.acquire(path, { report: (text) => void reports.push(text) }).release();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(reports.filter((text) => text.includes("is now closed to all other users"))).toHaveLength(count);
  },
);
