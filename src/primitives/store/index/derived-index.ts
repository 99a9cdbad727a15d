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

/** What a derived index holds and how changed files get into it. */
export interface IndexSchema {
  /** Raised whenever `sql` or `apply` changes its meaning; an index of another version is rebuilt. */
  readonly version: number;
  readonly sql: string;
  /**
   * Takes in changed files within a transaction; given the same again it must end the same. Answers what happened to
   * which scopes (repositories).
   */
  apply(db: Database, changes: readonly Change[]): ReadonlyMap<string, ScopeEvent>;
  /** Looks through all that it holds. Throws `DamagedDatabaseError` for what is not as `apply` left it. */
  check(db: Database): void;
  /** The scopes that there are, or were. */
  scopes(db: Database): readonly string[];
  /** The content of one scope as text, the same for the same files however it came about. */
  dump(db: Database, scope: string): string;
}

/** Which commit the index stands for, with the row's sum; none before the first. */
const STATE = `
  CREATE TABLE index_state (head TEXT, sum INTEGER);
  INSERT INTO index_state VALUES (NULL, NULL);`;

/**
 * An SQLite file derived from a store's commits. It may be behind after a crash (it is told what it missed) and may be
 * deleted or damaged at any time while no server runs (it is rebuilt).
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

  /** `clock` is moved for each scope that changes; `report` is told what is wrong with a file that is rebuilt. */
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

  /** Looks through a file whole, and leaves it as it is; `compare` is told which commit it stands for. */
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

  /** Moves whenever files were removed. */
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

  /** The content of a scope as text, in an order of its own, to compare with another's. */
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

function readHead(db: Database): ObjectId | undefined {
  const state = db.query<{ head: unknown; sum: unknown }, []>("SELECT head, sum FROM index_state").get();
  if (state?.head === null && state.sum === null) return undefined;
  if (typeof state?.head !== "string")
    throw new DamagedDatabaseError(db.filename, "it does not say which commit it stands for");
  checkRow(db, state.sum, state.head);
  return state.head as ObjectId;
}
