import type { Database } from "bun:sqlite";
import { Pace } from "../../../primitives/jobs/pace.ts";

/** Rows that are read at once. */
const ROWS_AT_ONCE = 100;
/** Rows among which those with a text are searched at once. */
const SEARCHED_AT_ONCE = 4000;

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
    const pace = new Pace(0.5);
    for (let from = position; ; ) {
      const rows = this.#rows(from);
      for (const row of rows) {
        yield row;
        await pace.rest();
      }
      await pace.rest();
      from = rows.length === ROWS_AT_ONCE ? rows.at(-1) : this.#searchedUntil(from);
      if (!from) return;
    }
  }

  /** How many rows there are; `undefined` if more than `most` would have to be searched. */
  async count(most: number): Promise<number | undefined> {
    const { table, where, nameColumn: name } = this.#options;
    const sql = `SELECT count(*) AS count, total(${this.#matches()}) AS found, max(${name}) AS last
      FROM (SELECT ${name} FROM ${table} WHERE ${where} AND ${name} > $last ORDER BY ${name} LIMIT ${SEARCHED_AT_ONCE})`;
    const query = this.#db.query<{ count: number; found: number; last: string }, [Values]>(sql);
    const pace = new Pace(0.3);
    let [searched, found] = [0, 0];
    for (let last = ""; searched <= most; ) {
      const counted = query.get({ ...this.#parameters(), last });
      searched += counted?.count ?? 0;
      found += counted?.found ?? 0;
      if (!counted || counted.count < SEARCHED_AT_ONCE) return searched <= most ? found : undefined;
      last = counted.last;
      await pace.rest();
    }
    return undefined;
  }

  #rows(from: Position | undefined): R[] {
    const { columns, text } = this.#options;
    const rows = `${this.#select(columns, from)} ${this.#order()}`;
    const sql =
      text === ""
        ? `${rows} LIMIT ${ROWS_AT_ONCE}`
        : `SELECT * FROM (${rows} LIMIT ${SEARCHED_AT_ONCE}) WHERE name LIKE $like ESCAPE '\\'
            ${this.#order("key", "name")} LIMIT ${ROWS_AT_ONCE}`;
    return this.#db.query<R, [Values]>(sql).all(this.#parameters(from));
  }

  /** The last of the rows that were searched at once; `undefined` if there were no more, or no text was searched. */
  #searchedUntil(from: Position | undefined): Position | undefined {
    if (this.#options.text === "") return undefined;
    const sql = `${this.#select("", from)} ${this.#order()} LIMIT 1 OFFSET ${SEARCHED_AT_ONCE - 1}`;
    return this.#db.query<Position, [Values]>(sql).get(this.#parameters(from, false)) ?? undefined;
  }

  #select(columns: string, from: Position | undefined): string {
    const { table, where, nameColumn, keyColumn, descending } = this.#options;
    const operator = descending ? "<" : ">";
    const isAfter =
      keyColumn === nameColumn
        ? `${nameColumn} ${operator} $fromName`
        : `(${keyColumn}, ${nameColumn}) ${operator} ($fromKey, $fromName)`;
    return `SELECT ${nameColumn} AS name, ${keyColumn} AS key${columns} FROM ${table}
      WHERE ${where} ${from ? `AND ${isAfter}` : ""}`;
  }

  #order(key = this.#options.keyColumn, name: string = this.#options.nameColumn): string {
    const direction = this.#options.descending ? "DESC" : "ASC";
    const first = key === name ? "" : `${key} ${direction}, `;
    return `ORDER BY ${first}${name} ${direction}`;
  }

  #matches(): string {
    return this.#options.text === "" ? "1" : `${this.#options.nameColumn} LIKE $like ESCAPE '\\'`;
  }

  #parameters(from?: Position, isSearch = true): Values {
    const { text, keyColumn, nameColumn } = this.#options;
    const hasKey = keyColumn !== nameColumn;
    const like = `%${text.replace(/[\\%_]/g, (special) => `\\${special}`)}%`;
    return {
      ...this.#values,
      ...(isSearch && text !== "" && { like }),
      ...(from && { fromName: from.name, ...(hasKey && { fromKey: from.key }) }),
    };
  }
}
