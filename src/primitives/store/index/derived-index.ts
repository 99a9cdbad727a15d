import type { Database } from "bun:sqlite";
import { DamagedDatabaseError } from "../../sqlite/database-damage.ts";
import { openOrRemove } from "../../sqlite/database-file.ts";
import { type Inspection, inspectDatabase } from "../../sqlite/inspect-database.ts";
import {
  createSchema,
  type DatabaseSchema,
  DERIVED_CHECKPOINT_PAGES,
  openDatabase,
} from "../../sqlite/open-database.ts";
import { checkRow, rowSum } from "../../sqlite/row-sum.ts";
import type { Projection } from "../commits/projection.ts";
import type { Change } from "../commits/tree-edit.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { ScopeClock, ScopeEvent } from "./scope-clock.ts";

/** The tables of a derived index, and how changed files are applied to them. */
export interface IndexSchema {
  /** Incremented whenever the meaning of `sql` or `apply` changes; an index of another version is rebuilt. */
  readonly version: number;
  readonly sql: string;
  /**
   * Applies changed files within a transaction; must be idempotent. Returns the event of each changed scope
   * (repository).
   */
  apply(db: Database, changes: readonly Change[]): ReadonlyMap<string, ScopeEvent>;
  /** Reads all rows. Throws `DamagedDatabaseError` for a row that does not match its checksum. */
  check(db: Database): void;
  /** All scopes, including former ones. */
  scopes(db: Database): readonly string[];
  /** Adds former scopes, which the files of the newest commit do not show; those that are there already stay as they are. */
  addScopes(db: Database, scopes: readonly string[]): void;
  /** The content of one scope as text, which depends only on the files and not on their order. */
  dump(db: Database, scope: string): string;
}

/** The commit that the index is up to date with, and the row's checksum; empty before the first commit. */
const STATE = `
  CREATE TABLE index_state (head TEXT, sum INTEGER);
  INSERT INTO index_state VALUES (NULL, NULL);`;

/**
 * An SQLite file derived from a store's commits. After a crash it may be behind, and catches up; if it was deleted or damaged
 * while no server ran, it is rebuilt.
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
    this.#head = readHead(db);
  }

  /** `clock` advances for each scope that changes; `report` is called with the damage of a file that is rebuilt. */
  static open(
    path: string,
    schema: IndexSchema,
    clock: ScopeClock,
    report: (reason: string) => void = () => undefined,
  ): DerivedIndex {
    return openOrRemove(
      path,
      () => {
        const db = openDatabase(path, derivedSchema(schema));
        try {
          return new DerivedIndex(db, schema, clock);
        } catch (error) {
          db.close();
          throw error;
        }
      },
      report,
    );
  }

  /** Reads a whole file without changing it; `compare` gets the commit that it is up to date with. */
  static inspect(
    path: string,
    schema: IndexSchema,
    compare: (db: Database, head: ObjectId | undefined) => Promise<string | undefined>,
  ): Promise<Inspection> {
    return inspectDatabase(path, derivedSchema(schema), (db) => compare(db, readHead(db)));
  }

  get path(): string {
    return this.db.filename;
  }

  get head(): ObjectId | undefined {
    return this.#head;
  }

  /** A counter that increases whenever files were removed. */
  get removals(): number {
    return this.#removals;
  }

  apply(changes: readonly Change[], head?: ObjectId): void {
    const scopes = this.db.transaction(() => {
      if (head) this.db.run("UPDATE index_state SET head = ?, sum = ?", [head, rowSum(head)]);
      return this.#schema.apply(this.db, changes);
    })();
    if (changes.some(({ content }) => content === null)) this.#removals++;
    for (const [scope, event] of scopes) this.#clock.advance(scope, event);
    this.#head = head ?? this.#head;
  }

  scopes(): readonly string[] {
    return this.#schema.scopes(this.db);
  }

  addScopes(scopes: readonly string[]): void {
    this.db.transaction(() => this.#schema.addScopes(this.db, scopes))();
  }

  /** The content of a scope as text in a fixed order, to compare two indexes. */
  dump(scope: string): string {
    return this.#schema.dump(this.db, scope);
  }

  reset(): void {
    createSchema(this.db, derivedSchema(this.#schema));
    this.#clock.advanceAll();
    this.#removals++;
    this.#head = undefined;
  }

  close(): void {
    this.db.close();
  }
}

function derivedSchema({ version, sql, check }: IndexSchema): DatabaseSchema {
  return { version, sql: `${STATE}\n${sql}`, checkpointPages: DERIVED_CHECKPOINT_PAGES, check };
}

/** The commit that an open index is up to date with. Throws `DamagedDatabaseError`. */
export function readHead(db: Database): ObjectId | undefined {
  const state = db.query<{ head: unknown; sum: unknown }, []>("SELECT head, sum FROM index_state").get();
  if (state?.head === null && state.sum === null) return undefined;
  if (typeof state?.head !== "string")
    throw new DamagedDatabaseError(db.filename, "it does not say which commit it stands for");
  checkRow(db, state.sum, state.head);
  return state.head as ObjectId;
}
