import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, statSync } from "node:fs";
import { keepFileStill } from "../../../src/primitives/sqlite/still-file.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("a file that is kept still holds what was committed before, and changes go on beside it", async () => {
  const path = `${temporaryDirectory()}/a.sqlite`;
  using db = new Database(path, { create: true });
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = OFF");
  db.run("CREATE TABLE t (x TEXT)");
  const insert = (count: number) => {
    for (let i = 0; i < count; i++) db.run("INSERT INTO t VALUES (?)", ["x".repeat(2000)]);
  };
  const count = (file: string) => {
    using other = new Database(file, { readonly: true });
    return other.query<{ n: number }, []>("SELECT count(*) AS n FROM t").get()?.n;
  };
  insert(10);
  const release = await keepFileStill(db, 100);
  const { size, mtimeMs } = statSync(path);
  insert(1000);
  expect([statSync(path).size, statSync(path).mtimeMs]).toEqual([size, mtimeMs]);
  copyFileSync(path, `${path}-copy`);
  expect([count(`${path}-copy`), count(path)]).toEqual([10, 1010]);
  release();
  insert(1);
  expect(statSync(path).size).toBeGreaterThan(size);
});
