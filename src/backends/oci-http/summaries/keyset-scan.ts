import type { Database } from "bun:sqlite";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { likePattern } from "../../../primitives/sqlite/like-pattern.ts";

/** Rows that are read at once. */
const ROWS_AT_ONCE = 100;
/** Rows with a text that are read at once. */
const FOUND_AT_ONCE = 10;
/** One of so many rows is read although it is without the text, so that a search of many rows is not one turn. A power of two. */
const ONE_IN = 2048;
/** Rows among which those with a text are counted at once. */
const COUNTED_AT_ONCE = 4000;

/** A place in a sorted list: the value that it is sorted by, and the name. */
export interface Position {
  readonly key: string | number;
  readonly name: string;
}

export interface ScanOptions {
  readonly table: "repositories" | "tags";
  readonly nameColumn: "name" | "tag";
  /** An index begins with the columns of `where`, this column and the name. */
  readonly keyColumn: string;
  readonly columns: string;
  readonly where: string;
  readonly descending: boolean;
  /** A part of the name, in any case; empty: all. */
  readonly text: string;
}

type Values = Readonly<Record<string, string | number>>;

/** Reads the rows of a table in the order of an index, in short steps. */
export class KeysetScan<R extends Position> {
  readonly #db: Database;
  readonly #options: ScanOptions;
  readonly #values: Values;

  /** `values`: the parameters of `where`. */
  constructor(db: Database, options: ScanOptions, values: Values) {
    this.#db = db;
    this.#options = options;
    this.#values = values;
  }

  /** Yields the rows after a position. */
  async *after(position: Position | undefined): AsyncGenerator<R> {
    const atOnce = this.#options.text === "" ? ROWS_AT_ONCE : FOUND_AT_ONCE;
    const pace = new Pace(0.5);
    for (let from = position; ; ) {
      const rows = this.#rows(from, atOnce);
      for (const row of rows) {
        if (row.isFound === 1) yield row;
        await pace.rest();
      }
      await pace.rest();
      from = rows.at(-1);
      if (rows.length < atOnce) return;
    }
  }

  /** How many rows there are; `undefined` if more than `most` would have to be searched. */
  async count(most: number): Promise<number | undefined> {
    const { table, where, nameColumn: name } = this.#options;
    const sql = `SELECT count(*) AS count, total(${this.#matches()}) AS found, max(${name}) AS last
      FROM (SELECT ${name} FROM ${table} WHERE ${where} AND ${name} > $last ORDER BY ${name} LIMIT ${COUNTED_AT_ONCE})`;
    const query = this.#db.query<{ count: number; found: number; last: string }, [Values]>(sql);
    const pace = new Pace(0.3);
    let [searched, found] = [0, 0];
    for (let last = ""; searched <= most; ) {
      const counted = query.get({ ...this.#parameters(), last });
      searched += counted?.count ?? 0;
      found += counted?.found ?? 0;
      if (!counted || counted.count < COUNTED_AT_ONCE) return searched <= most ? found : undefined;
      last = counted.last;
      await pace.rest();
    }
    return undefined;
  }

  #rows(from: Position | undefined, limit: number): (R & { readonly isFound: 0 | 1 })[] {
    const { table, columns, where, nameColumn, keyColumn, descending } = this.#options;
    const [operator, direction] = descending ? ["<", "DESC"] : [">", "ASC"];
    const isByName = keyColumn === nameColumn;
    const isAfter = isByName
      ? `${nameColumn} ${operator} $fromName`
      : `(${keyColumn}, ${nameColumn}) ${operator} ($fromKey, $fromName)`;
    const isSeen = `(${this.#matches()} OR (random() & ${ONE_IN - 1}) = 0)`;
    const sql = `SELECT ${nameColumn} AS name, ${keyColumn} AS key, ${this.#matches()} AS isFound${columns} FROM ${table}
      WHERE ${where} AND ${from ? isAfter : 1} AND ${isSeen}
      ORDER BY ${isByName ? "" : `${keyColumn} ${direction},`} ${nameColumn} ${direction} LIMIT ${limit}`;
    return this.#db.query<R & { readonly isFound: 0 | 1 }, [Values]>(sql).all({
      ...this.#parameters(),
      ...(from && { fromName: from.name, ...(!isByName && { fromKey: from.key }) }),
    });
  }

  #matches(): string {
    return this.#options.text === "" ? "1" : `${this.#options.nameColumn} LIKE $like ESCAPE '\\'`;
  }

  #parameters(): Values {
    const { text } = this.#options;
    return { ...this.#values, ...(text !== "" && { like: likePattern(text) }) };
  }
}
