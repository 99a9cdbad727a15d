import { visibleText } from "../../primitives/terminal/visible-text.ts";
import { type Key, KeyDecoder } from "./key-decoder.ts";
import { LineEditor } from "./line-editor.ts";

/** A terminal's far end, whatever carries it. */
export interface Terminal {
  readonly input: AsyncIterable<Uint8Array>;
  write(text: string): void;
  /** Current width, in columns. */
  columns(): number;
  /** Calls back after each change of size. */
  onResize(callback: () => void): void;
}

export interface Suggestion {
  readonly start: number;
  readonly candidates: readonly string[];
}

export interface ReadOptions {
  readonly prompt: string;
  /** Nothing of what is typed is shown. */
  readonly secret?: boolean;
  readonly history?: readonly string[];
  readonly complete?: (line: string) => Suggestion;
}

export type ReadResult =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "interrupted" | "ended" };

/** Reads lines from a terminal with editing, history and completion. */
export class LineReader {
  readonly #terminal: Terminal;
  readonly #packets: AsyncIterator<Uint8Array>;
  readonly #decoder = new KeyDecoder();
  readonly #keys: Key[] = [];
  #redraw: (() => void) | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#packets = terminal.input[Symbol.asyncIterator]();
    terminal.onResize(() => this.#redraw?.());
  }

  async read(options: ReadOptions): Promise<ReadResult> {
    const line = new DisplayedLine(this.#terminal, options);
    this.#redraw = () => line.draw();
    line.draw();
    try {
      for (;;) {
        const key = await this.#nextKey();
        if (!key) return { kind: "ended" };
        const result = line.press(key);
        if (result) return result;
      }
    } finally {
      this.#redraw = undefined;
    }
  }

  /** Resolves at the next key, or when the far end goes away. */
  async key(): Promise<void> {
    await this.#nextKey();
  }

  async #nextKey(): Promise<Key | undefined> {
    for (;;) {
      const key = this.#keys.shift();
      if (key) return key;
      const packet = await this.#packets.next();
      if (packet.done) return undefined;
      this.#keys.push(...this.#decoder.decode(packet.value));
    }
  }
}

/** One line being edited, as it stands on the screen: it may wrap over several rows. */
class DisplayedLine {
  readonly #terminal: Terminal;
  readonly #options: ReadOptions;
  readonly #editor: LineEditor;
  /** The screen row of the cursor, counted from the prompt's. */
  #cursorRow = 0;
  #tabbed = false;

  constructor(terminal: Terminal, options: ReadOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#editor = new LineEditor(options.history);
  }

  press(key: Key): ReadResult | undefined {
    const outcome = this.#editor.press(key);
    const again = this.#tabbed;
    this.#tabbed = outcome === "complete";
    switch (outcome) {
      case "edited":
        this.draw();
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
        this.#complete(again);
        return undefined;
      case "clear-screen":
        this.#terminal.write("\x1b[H\x1b[2J");
        this.#cursorRow = 0;
        this.draw();
        return undefined;
      case "unchanged":
        return undefined;
    }
  }

  draw(): void {
    const columns = Math.max(this.#terminal.columns(), 1);
    const { text, cursor: at } = this.#editor;
    const prompt = visibleText(this.#options.prompt);
    const shown = this.#options.secret ? "" : visibleText(text);
    const before = prompt + (this.#options.secret ? "" : visibleText(text.slice(0, at)));
    const end = Bun.stringWidth(prompt + shown);
    const cursor = Bun.stringWidth(before);
    const up = this.#cursorRow > 0 ? `\x1b[${this.#cursorRow}A` : "";
    // A terminal wraps only at the next character: at the very edge the new row has to be made.
    const edge = end > 0 && end % columns === 0 ? "\r\n" : "";
    const endRow = Math.floor(end / columns);
    this.#cursorRow = Math.floor(cursor / columns);
    const back = endRow > this.#cursorRow ? `\x1b[${endRow - this.#cursorRow}A` : "";
    const column = cursor % columns;
    const right = column > 0 ? `\x1b[${column}C` : "";
    this.#terminal.write(`${up}\r\x1b[J${prompt}${shown}${edge}${back}\r${right}`);
  }

  /** Completes as far as the candidates agree; the second Tab in a row lists them. */
  #complete(again: boolean): void {
    const { complete, secret } = this.#options;
    if (!complete || secret) return;
    const typed = this.#editor.text.slice(0, this.#editor.cursor);
    const { start, candidates } = complete(typed);
    const [first] = candidates;
    if (first === undefined) return;
    // What ends in an equals sign goes on with its value.
    const isWhole = candidates.length === 1 && !first.endsWith("=");
    const common = commonPrefix(candidates) + (isWhole ? " " : "");
    if (common.length > typed.length - start) {
      this.#editor.replaceBeforeCursor(start, common);
      this.draw();
    } else if (again) {
      this.#toLastRow();
      this.#terminal.write(`\r\n  ${candidates.map(visibleText).join("  ")}\r\n`);
      this.#cursorRow = 0;
      this.draw();
    }
  }

  #leave(mark = ""): void {
    this.#toLastRow();
    this.#terminal.write(`${mark}\r\n`);
  }

  #toLastRow(): void {
    this.#editor.press({ kind: "key", name: "end" });
    this.draw();
  }
}

function commonPrefix(texts: readonly string[]): string {
  let prefix = texts[0] ?? "";
  for (const text of texts) while (!text.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}
