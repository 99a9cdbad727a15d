import { visibleText } from "../text/visible-text.ts";
import { HistorySearch } from "./history-search.ts";
import type { Key } from "./key-decoder.ts";
import { LineEditor } from "./line-editor.ts";
import { cursorAfter, namesInColumns } from "./screen-text.ts";

/** In characters. */
export interface ScreenSize {
  columns(): number;
  rows(): number;
}

export interface Suggestion {
  readonly start: number;
  readonly candidates: readonly string[];
}

export interface ReadOptions {
  readonly prompt: string;
  /** Does not show the input. */
  readonly secret?: boolean;
  readonly history?: readonly string[];
  /** What may stand at the end of `line`. Of more than `MAX_CANDIDATES` it may leave out some. */
  readonly complete?: (line: string) => Suggestion | Promise<Suggestion>;
}

export type ReadResult =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "interrupted" | "ended" };

/** Maximal candidates listed at a second Tab. */
export const MAX_CANDIDATES = 200;

/** The edited line on the screen, which may wrap over several rows. The caller takes its output and writes it. */
export class DisplayedLine {
  readonly #terminal: ScreenSize;
  readonly #options: ReadOptions;
  readonly #editor: LineEditor;
  #search: HistorySearch | undefined;
  #output = "";
  #isStale = true;
  /** The cursor's screen row, relative to the prompt's. */
  #cursorRow = 0;
  /** What was drawn before the cursor, and for which width. */
  #drawn = { before: "", columns: 0 };
  #tabbed = false;

  constructor(terminal: ScreenSize, options: ReadOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#editor = new LineEditor(options.history);
  }

  /** Resolves once the key is handled: a completion may have to be read. */
  press(key: Key): ReadResult | undefined | Promise<undefined> {
    if (this.#search) return this.#pressInSearch(this.#search, key);
    const outcome = this.#editor.press(key);
    const again = this.#tabbed;
    this.#tabbed = outcome === "complete";
    switch (outcome) {
      case "edited":
        this.redraw();
        return undefined;
      case "submitted":
        this.#leave();
        return { kind: "line", text: this.#editor.text };
      case "interrupted":
        this.#leave("^C");
        return { kind: "interrupted" };
      case "ended":
        this.#leave();
        return { kind: "ended" };
      case "complete":
        return this.#complete(again);
      case "search":
        this.#beginSearch();
        return undefined;
      case "clear-screen":
        this.#output += "\x1b[H\x1b[2J";
        this.#cursorRow = 0;
        this.redraw();
        return undefined;
      case "unchanged":
        return undefined;
    }
  }

  redraw(): void {
    this.#isStale = true;
  }

  /** Whether the history is being searched: a lone ESC then ends the search. */
  get isSearching(): boolean {
    return this.#search !== undefined;
  }

  /** Length of the pending output, without the line itself. */
  get unwritten(): number {
    return this.#output.length;
  }

  /** Takes the pending output for the terminal. */
  take(): string {
    if (this.#isStale) this.#draw();
    const output = this.#output;
    this.#output = "";
    return output;
  }

  #beginSearch(): void {
    const { history, secret } = this.#options;
    if (!history || secret) return;
    this.#search = new HistorySearch(history);
    this.redraw();
  }

  #pressInSearch(search: HistorySearch, key: Key): ReadResult | undefined | Promise<undefined> {
    this.redraw();
    if (key.kind === "text") {
      search.add(key.text);
      return undefined;
    }
    switch (key.name) {
      case "backspace":
        search.removeLast();
        return undefined;
      case "search":
        search.older();
        return undefined;
      case "ignored":
      case "clear-screen":
        return undefined;
      case "cancel":
        this.#search = undefined;
        return undefined;
      default:
        this.#search = undefined;
        // Enter runs what was found; if nothing was, it only ends the search.
        if (key.name === "enter" && !search.match) return undefined;
        if (search.match) this.#editor.recall(search.match.position);
        return this.press(key);
    }
  }

  /** The prompt, and the line with its cursor, as they are shown. */
  #content(): { readonly prompt: string; readonly text: string; readonly at: number } {
    const { prompt, secret } = this.#options;
    if (this.#search) {
      const { query, match } = this.#search;
      const label = match || query === "" ? "search" : "no match";
      const text = match?.text ?? "";
      return { prompt: `(${label}) '${query}': `, text, at: Math.max(text.indexOf(query), 0) };
    }
    return secret
      ? { prompt, text: "", at: 0 }
      : { prompt, text: this.#editor.text, at: this.#editor.cursor };
  }

  #draw(): void {
    this.#isStale = false;
    const columns = Math.max(this.#terminal.columns(), 1);
    // Terminals wrap again what they show when their width changes.
    if (columns !== this.#drawn.columns) this.#cursorRow = cursorAfter(this.#drawn.before, columns).row;
    const content = this.#content();
    const prompt = visibleText(content.prompt);
    const shown = visibleText(content.text);
    const before = prompt + visibleText(content.text.slice(0, content.at));
    const end = cursorAfter(prompt + shown, columns);
    const cursor = cursorAfter(before, columns);
    const up = this.#cursorRow > 0 ? `\x1b[${this.#cursorRow}A` : "";
    // A terminal wraps only when the next character is printed, so at the edge the new row must be forced.
    const edge = end.isAtEdge ? "\r\n" : "";
    const back = end.row > cursor.row ? `\x1b[${end.row - cursor.row}A` : "";
    const right = cursor.column > 0 ? `\x1b[${cursor.column}C` : "";
    // What is behind the text is cleared last: tmux scrolls a screen away that is cleared from its first character on.
    this.#output += `${up}\r${prompt}${shown}${edge}\x1b[J${back}\r${right}`;
    this.#cursorRow = cursor.row;
    this.#drawn = { before, columns };
  }

  #complete(again: boolean): undefined | Promise<undefined> {
    const { complete, secret } = this.#options;
    if (!complete || secret) return undefined;
    const typed = this.#editor.text.slice(0, this.#editor.cursor);
    const suggestion = complete(typed);
    const show = (known: Suggestion) => this.#suggest(typed, known, again);
    return suggestion instanceof Promise ? suggestion.then(show) : show(suggestion);
  }

  /** Inserts the common prefix of the candidates; a second Tab in a row lists them. */
  #suggest(typed: string, { start, candidates }: Suggestion, again: boolean): undefined {
    const [first] = candidates;
    if (first === undefined) return;
    // A value follows an equals sign, and a component a slash or colon, without a space.
    const isComplete = candidates.length === 1 && !/[=/:]$/.test(first);
    const isAll = candidates.length <= MAX_CANDIDATES;
    const common = isAll ? commonPrefix(candidates) + (isComplete ? " " : "") : "";
    if (common.length > typed.length - start) {
      this.#editor.replaceBeforeCursor(start, common);
      this.redraw();
    } else if (again) {
      this.#toLastRow();
      const listed = [...candidates.slice(0, MAX_CANDIDATES), ...(isAll ? [] : ["…"])];
      const size = { columns: this.#terminal.columns(), rows: this.#terminal.rows() };
      const lines = namesInColumns(listed, size);
      this.#output += `\r\n${lines.map((line) => `${line}\r\n`).join("")}`;
      this.#cursorRow = 0;
      this.#drawn = { before: "", columns: this.#drawn.columns };
      this.redraw();
    }
  }

  #leave(mark = ""): void {
    this.#toLastRow();
    this.#output += `${mark}\r\n`;
  }

  #toLastRow(): void {
    this.#editor.press({ kind: "key", name: "end" });
    this.#draw();
  }
}

function commonPrefix(texts: readonly string[]): string {
  let prefix = texts[0] ?? "";
  for (const text of texts) while (!text.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}
