import { Database } from "bun:sqlite";
import { rmSync } from "node:fs";
import type { ObjectId } from "./git/object-id.ts";
import type { Projection } from "./projection.ts";
import type { ScopeClock, ScopeEvent } from "./scope-clock.ts";
import type { Change } from "./tree-edit.ts";

/** What a derived index holds and how changed files get into it. */
export interface IndexSchema {
  /** Raised whenever `sql` or `apply` changes its meaning; an index of another version is built anew. */
  readonly version: number;
  readonly sql: string;
  /**
   * Takes in changed files within a transaction; given the same again it must end the same. Answers what happened to
   * which scopes (repositories).
   */
  apply(db: Database, changes: readonly Change[]): ReadonlyMap<string, ScopeEvent>;
  /** The scopes that there are, or were. */
  scopes(db: Database): readonly string[];
  /** The content of one scope as text, the same for the same files however it came about. */
  dump(db: Database, scope: string): string;
}

/** Pages of the log after which it is written back: pages that change often are then written once for many commits. */
const CHECKPOINT_PAGES = 8000;

/**
 * An SQLite file derived from a store's commits. It may be behind after a crash (it is told what it missed) and may be
 * deleted or damaged at any time while no server runs (it is built anew).
 */
export class DerivedIndex implements Projection {
  readonly db: Database;
  readonly #schema: IndexSchema;
  readonly #clock: ScopeClock;
  #head: ObjectId | undefined;
  #removals = 0;

  private constructor(db: Database, schema: IndexSchema, clock: ScopeClock) {
    this.db = db;
    this.#schema = schema;
    this.#clock = clock;
    this.#head =
      db.query<{ head: ObjectId | null }, []>("SELECT head FROM index_state").get()?.head ?? undefined;
  }

  /** `clock` is moved for each scope that changes. */
  static open(path: string, schema: IndexSchema, clock: ScopeClock): DerivedIndex {
    try {
      return new DerivedIndex(openDatabase(path, schema), schema, clock);
    } catch (error) {
      if (
        !(error instanceof Error) ||
        !/SQLITE_(NOTADB|CORRUPT)|malformed|not a database/.test(
          `${error.message} ${(error as { code?: string }).code}`,
        )
      )
        throw error;
      removeDatabase(path);
      return new DerivedIndex(openDatabase(path, schema), schema, clock);
    }
  }

  get head(): ObjectId | undefined {
    return this.#head;
  }

  /** Moves whenever files were removed. */
  get removals(): number {
    return this.#removals;
  }

  apply(changes: readonly Change[], head?: ObjectId): void {
    const scopes = this.db.transaction(() => {
      if (head) this.db.run("UPDATE index_state SET head = ?", [head]);
      return this.#schema.apply(this.db, changes);
    })();
    if (changes.some(({ content }) => content === null)) this.#removals++;
    for (const [scope, event] of scopes) this.#clock.advance(scope, event);
    this.#head = head ?? this.#head;
  }

  scopes(): readonly string[] {
    return this.#schema.scopes(this.db);
  }

  /** The content of a scope as text, in an order of its own, to compare with another's. */
  dump(scope: string): string {
    return this.#schema.dump(this.db, scope);
  }

  reset(): void {
    createSchema(this.db, this.#schema);
    this.#clock.advanceAll();
    this.#removals++;
    this.#head = undefined;
  }

  close(): void {
    this.db.close();
  }
}

function openDatabase(path: string, schema: IndexSchema): Database {
  const db = new Database(path, { create: true, strict: true });
  try {
    db.run("PRAGMA journal_mode = WAL");
    // A power cut may take the last transactions; the commits they stand for are read again.
    db.run("PRAGMA synchronous = NORMAL");
    db.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.run("PRAGMA busy_timeout = 5000");
    const version = db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version;
    if (version !== schema.version) createSchema(db, schema);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function createSchema(db: Database, schema: IndexSchema): void {
  db.transaction(() => {
    const tables = db
      .query<{ name: string }, []>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
      )
      .all();
    for (const { name } of tables) db.run(`DROP TABLE "${name}"`);
    db.run("CREATE TABLE index_state (head TEXT)");
    db.run("INSERT INTO index_state VALUES (NULL)");
    db.run(schema.sql);
    db.run(`PRAGMA user_version = ${schema.version}`);
  })();
}

export function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}
