import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { DamagedDatabaseError, damageIn } from "../../../src/primitives/sqlite/database-damage.ts";
import { openOrRemove } from "../../../src/primitives/sqlite/database-file.ts";
import { openDatabase, openForReading } from "../../../src/primitives/sqlite/open-database.ts";
import { flipBit } from "../../support/flipped-bit.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const SCHEMA = { version: 3, sql: "CREATE TABLE notes (note TEXT PRIMARY KEY)", check: () => undefined };

function written(path = `${temporaryDirectory()}/notes.sqlite`): string {
  const db = openDatabase(path, SCHEMA);
  db.run("INSERT INTO notes VALUES ('kept')");
  db.close();
  return path;
}

function notesIn(db: Database): unknown {
  return db.query("SELECT note FROM notes").values().flat();
}

function failWith(code: string): () => never {
  return () => {
    throw Object.assign(new Error(`failed with ${code}`), { code });
  };
}

test.each([
  "SQLITE_BUSY",
  "SQLITE_BUSY_SNAPSHOT",
  "SQLITE_LOCKED",
  "SQLITE_FULL",
  "SQLITE_IOERR_READ",
  "SQLITE_CANTOPEN",
  "SQLITE_NOMEM",
  "SQLITE_READONLY",
  "ENOSPC",
  "EMFILE",
  "EIO",
])("a file that can't be opened for now is kept as it is: %s", (code) => {
  const path = written();
  const reports: string[] = [];
  expect(() => openOrRemove(path, failWith(code), (reason) => reports.push(reason))).toThrow(code);
  expect(reports).toEqual([]);
  const db = openDatabase(path, SCHEMA);
  expect(notesIn(db)).toEqual(["kept"]);
  db.close();
});

test.each(["SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB"])(
  "a file that SQLite finds damaged is reported and removed: %s",
  (code) => {
    const path = written();
    const reports: string[] = [];
    const attempts = [failWith(code), () => "opened"];
    const open = () => attempts.shift()?.() ?? "not asked";
    expect(openOrRemove(path, open, (reason) => reports.push(reason))).toBe("opened");
    expect(reports).toEqual([`failed with ${code}`]);
    expect(existsSync(path)).toBe(false);
  },
);

test("a database that SQLite calls damaged because the disk fails is kept", () => {
  // Opening a directory works, and reading it fails.
  const path = temporaryDirectory();
  writeFileSync(`${path}/kept`, "");
  const reports: string[] = [];
  expect(() => openOrRemove(path, failWith("SQLITE_CORRUPT"), (reason) => reports.push(reason))).toThrow(
    "EISDIR",
  );
  expect([reports, readdirSync(path)]).toEqual([[], ["kept"]]);
});

test("a flipped bit in the header of a database is damage, and so is a table of another schema", () => {
  for (const [offset, bit] of [
    [0, 0],
    [16, 4],
    [18, 2],
    [19, 0],
    [20, 3],
    [21, 0],
    [47, 1],
    [55, 0],
    [59, 1],
    [67, 0],
  ] as const) {
    const path = written();
    flipBit(path, offset, bit);
    expect(() => openDatabase(path, SCHEMA)).toThrow(DamagedDatabaseError);
  }
  const foreign = `${temporaryDirectory()}/foreign.sqlite`;
  const db = new Database(foreign);
  db.run("CREATE TABLE others (note TEXT PRIMARY KEY)");
  db.run(`PRAGMA user_version = ${SCHEMA.version}`);
  db.close();
  expect(() => openDatabase(foreign, SCHEMA)).toThrow("its tables are not those that were made");
});

test("a database file that is truncated or not a database is damage", () => {
  const cut = written();
  truncateSync(cut, 4096);
  const other = `${temporaryDirectory()}/other.sqlite`;
  writeFileSync(other, "no database\n".repeat(1000));
  const short = `${temporaryDirectory()}/short.sqlite`;
  writeFileSync(short, "SQLite");
  for (const path of [cut, other, short]) {
    let error: unknown;
    try {
      openDatabase(path, SCHEMA).close();
    } catch (thrown) {
      error = thrown;
    }
    expect(damageIn(error)).toBeString();
  }
});

test("a database of another version is emptied, without old files beside it", () => {
  const path = written();
  const db = openDatabase(path, { ...SCHEMA, version: 4 });
  expect(notesIn(db)).toEqual([]);
  db.close();
  expect(readdirSync(path.slice(0, path.lastIndexOf("/")))).toEqual(["notes.sqlite"]);
  expect(readFileSync(path).toString("latin1", 0, 15)).toBe("SQLite format 3");
});

test("a schema with an upgrade keeps the rows of older tables", () => {
  const path = written();
  const sql = "CREATE TABLE kept_notes (note TEXT PRIMARY KEY)";
  const upgrade = (db: Database) => {
    db.run(sql);
    db.run("INSERT INTO kept_notes SELECT note FROM notes");
    db.run("DROP TABLE notes");
  };
  const schema = { version: 4, sql, upgrade, check: () => undefined };
  for (let opening = 0; opening < 2; opening++) {
    const db = openDatabase(path, schema);
    expect(db.query("SELECT note FROM kept_notes").values().flat()).toEqual(["kept"]);
    db.close();
  }
});

test("an upgrade of a database that fails leaves the file unchanged", () => {
  const path = written();
  const upgrade = (db: Database) => {
    db.run("DROP TABLE notes");
    throw new Error("no");
  };
  expect(() => openDatabase(path, { ...SCHEMA, version: 4, upgrade })).toThrow("no");
  const db = openDatabase(path, SCHEMA);
  expect(notesIn(db)).toEqual(["kept"]);
  db.close();
});

test("a damaged database can be opened for reading, and a query finds the damage", () => {
  const path = written();
  writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 100), Buffer.alloc(8092, 0x55)]));
  const db = openForReading(path);
  let error: unknown;
  try {
    notesIn(db);
  } catch (thrown) {
    error = thrown;
  }
  db.close();
  expect(damageIn(error)).toBeString();
});

test("a database that does not exist can't be opened for reading", () => {
  expect(() => openForReading(`${temporaryDirectory()}/none.sqlite`)).toThrow();
});
