const HEADER = /^\s*\[\[\s*([A-Za-z0-9_-]+)\s*\]\]/;
/** The header of a table inside of another one, such as `[[user.grants]]`. */
const INNER_HEADER = /^\s*\[\[?\s*[A-Za-z0-9_-]+\s*\./;
const ANY_HEADER = /^\s*\[/;

/** Finds the lines of a TOML document for error messages. */
export class DocumentLines {
  readonly #lines: readonly string[];
  /** The first lines of the tables of each kind, counted from 0. */
  readonly #tables = new Map<string, number[]>();

  constructor(text: string) {
    this.#lines = text.split("\n");
    this.#lines.forEach((line, i) => {
      const [, kind] = line.match(HEADER) ?? [];
      if (kind === undefined) return;
      const tables = this.#tables.get(kind);
      if (tables) tables.push(i);
      else this.#tables.set(kind, [i]);
    });
  }

  /** The line of a key outside of all tables, or of the first table of that name; `undefined` if it is not found. */
  ofKey(key: string): number | undefined {
    const table = this.#tables.get(key)?.[0];
    return table === undefined ? this.#keyFrom(0, key) : table + 1;
  }

  /** The line of a key in the table `[[kind]]` with this index, or else of the table or of the list of tables. */
  ofTable(kind: string, index: number, key?: string): number | undefined {
    const start = this.#tables.get(kind)?.[index];
    if (start === undefined) return this.#keyFrom(0, kind);
    return (key === undefined ? undefined : this.#keyFrom(start + 1, key)) ?? start + 1;
  }

  #keyFrom(start: number, key: string): number | undefined {
    for (let i = start; i < this.#lines.length; i++) {
      const line = this.#lines[i] ?? "";
      if (ANY_HEADER.test(line) && !INNER_HEADER.test(line)) return undefined;
      const [, found] = line.match(/^\s*"?([^"=\s]+)"?\s*=/) ?? [];
      if (found === key) return i + 1;
    }
    return undefined;
  }
}
