/** Longest text that is searched for, in UTF-16 units. */
const MAX_QUERY = 200;

/** A search for the newest line of a history that contains a text. */
export class HistorySearch {
  readonly #lines: readonly string[];
  #query = "";
  /** Position of the match; the number of lines: there is none. */
  #at: number;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
    this.#at = lines.length;
  }

  get query(): string {
    return this.#query;
  }

  /** The line that was found, and its position in the history. */
  get match(): { readonly text: string; readonly position: number } | undefined {
    const text = this.#lines[this.#at];
    return text === undefined ? undefined : { text, position: this.#at };
  }

  /** Adds to the text that is searched for. A line that still contains it stays the match. */
  add(text: string): void {
    this.#query = `${this.#query}${text}`.slice(0, MAX_QUERY);
    this.#find(Math.min(this.#at, this.#lines.length - 1));
  }

  /** Takes the last character back, and searches from the newest line. */
  removeLast(): void {
    this.#query = this.#query.replace(/.$/su, "");
    this.#find(this.#lines.length - 1);
  }

  /** Goes on to the next older line, other than the one that is shown. If there is none, the match stays. */
  older(): void {
    const { match } = this;
    if (match) this.#find(match.position - 1, match.text);
  }

  #find(from: number, except?: string): void {
    if (this.#query === "") {
      this.#at = this.#lines.length;
      return;
    }
    const isFound = (line: string) => line.includes(this.#query) && line !== except;
    const found = this.#lines.slice(0, from + 1).findLastIndex(isFound);
    if (found >= 0) this.#at = found;
    else if (except === undefined) this.#at = this.#lines.length;
  }
}
