import { TurnQueue } from "../jobs/turn-queue.ts";
import { visibleText } from "../text/visible-text.ts";
import { type Key, KeyDecoder } from "./key-decoder.ts";
import { LineEditor } from "./line-editor.ts";

/** A terminal, over any transport. */
export interface Terminal {
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when the terminal can accept more output. */
  write(text: string): Promise<void>;
  /** Current width, in columns. */
  columns(): number;
  /** Current height, in rows. */
  rows(): number;
  /** Calls `callback` after each change of size. */
  onResize(callback: () => void): void;
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
  readonly complete?: (line: string) => Suggestion;
}

export type ReadResult =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "interrupted" | "ended" };

/** Maximal time for processing keys before other readers get their turn. */
const SLICE_MS = 2;
/** Output of many keys is buffered up to this size, in UTF-16 units. */
const MAX_UNWRITTEN = 16 * 1024;
/** Maximal candidates listed at a second Tab. */
const MAX_CANDIDATES = 200;

/** Reads lines from a terminal with editing, history and completion. */
export class LineReader {
  readonly #terminal: Terminal;
  readonly #packets: AsyncIterator<Uint8Array>;
  readonly #turns: TurnQueue;
  readonly #decoder = new KeyDecoder();
  readonly #keys: Key[] = [];
  /** Start of the current turn, in milliseconds. */
  #began = 0;
  #line: DisplayedLine | undefined;
  #isRedrawing = false;

  /** Readers that share `turns` process keys one after another, so that together they block the thread no longer than one. */
  constructor(terminal: Terminal, turns = new TurnQueue()) {
    this.#terminal = terminal;
    this.#turns = turns;
    this.#packets = terminal.input[Symbol.asyncIterator]();
    terminal.onResize(() => this.#redraw());
  }

  async read(options: ReadOptions): Promise<ReadResult> {
    const line = new DisplayedLine(this.#terminal, options);
    this.#line = line;
    try {
      for (;;) {
        // Typed-ahead input is drawn once, after its last key.
        if (this.#keys.length === 0 || line.unwritten > MAX_UNWRITTEN)
          await this.#terminal.write(line.take());
        const key = await this.#nextKey();
        if (!key) return { kind: "ended" };
        const result = line.press(key);
        if (!result) continue;
        await this.#terminal.write(line.take());
        return result;
      }
    } finally {
      this.#line = undefined;
    }
  }

  /** Resolves at the next key or at the end of input. */
  async key(): Promise<void> {
    await this.#nextKey();
  }

  async #nextKey(): Promise<Key | undefined> {
    for (;;) {
      const key = this.#keys.shift();
      if (key) {
        if (performance.now() - this.#began > SLICE_MS) await this.#turn();
        return key;
      }
      const packet = await this.#packets.next();
      if (packet.done) return undefined;
      await this.#turn();
      this.#keys.push(...this.#decoder.decode(packet.value));
    }
  }

  async #turn(): Promise<void> {
    await this.#turns.next();
    this.#began = performance.now();
  }

  /** Redraws once for all size changes that arrive while earlier output is written. */
  #redraw(): void {
    if (this.#isRedrawing || !this.#line) return;
    this.#isRedrawing = true;
    this.#terminal
      .write("")
      .then(() => {
        this.#isRedrawing = false;
        this.#line?.redraw();
        return this.#terminal.write(this.#line?.take() ?? "");
      })
      .catch(() => undefined);
  }
}

/** The edited line on the screen, which may wrap over several rows. The caller takes its output and writes it. */
class DisplayedLine {
  readonly #terminal: Pick<Terminal, "columns">;
  readonly #options: ReadOptions;
  readonly #editor: LineEditor;
  #output = "";
  #isStale = true;
  /** The cursor's screen row, relative to the prompt's. */
  #cursorRow = 0;
  #tabbed = false;

  constructor(terminal: Pick<Terminal, "columns">, options: ReadOptions) {
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
        this.#complete(again);
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

  #draw(): void {
    this.#isStale = false;
    const columns = Math.max(this.#terminal.columns(), 1);
    const { text, cursor: at } = this.#editor;
    const prompt = visibleText(this.#options.prompt);
    const shown = this.#options.secret ? "" : visibleText(text);
    const before = prompt + (this.#options.secret ? "" : visibleText(text.slice(0, at)));
    const end = Bun.stringWidth(prompt + shown);
    const cursor = Bun.stringWidth(before);
    const up = this.#cursorRow > 0 ? `\x1b[${this.#cursorRow}A` : "";
    // A terminal wraps only when the next character is printed, so at the edge the new row must be forced.
    const edge = end > 0 && end % columns === 0 ? "\r\n" : "";
    const endRow = Math.floor(end / columns);
    this.#cursorRow = Math.floor(cursor / columns);
    const back = endRow > this.#cursorRow ? `\x1b[${endRow - this.#cursorRow}A` : "";
    const column = cursor % columns;
    const right = column > 0 ? `\x1b[${column}C` : "";
    this.#output += `${up}\r\x1b[J${prompt}${shown}${edge}${back}\r${right}`;
  }

  /** Inserts the common prefix of the candidates; a second Tab in a row lists them. */
  #complete(again: boolean): void {
    const { complete, secret } = this.#options;
    if (!complete || secret) return;
    const typed = this.#editor.text.slice(0, this.#editor.cursor);
    const { start, candidates } = complete(typed);
    const [first] = candidates;
    if (first === undefined) return;
    // After an equals sign, a value follows without a space.
    const isComplete = candidates.length === 1 && !first.endsWith("=");
    const common = commonPrefix(candidates) + (isComplete ? " " : "");
    if (common.length > typed.length - start) {
      this.#editor.replaceBeforeCursor(start, common);
      this.redraw();
    } else if (again) {
      this.#toLastRow();
      const more = candidates.length > MAX_CANDIDATES ? ["…"] : [];
      const shown = [...candidates.slice(0, MAX_CANDIDATES), ...more].map(visibleText);
      this.#output += `\r\n  ${shown.join("  ")}\r\n`;
      this.#cursorRow = 0;
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
