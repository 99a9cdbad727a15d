import { graphemesOf } from "../text/visible-text.ts";
import type { Key, KeyName } from "./key-decoder.ts";

/** Maximal length of a line, in UTF-16 units; longer than any command. */
export const MAX_LINE_LENGTH = 4096;

/** Longer characters, of a letter with very many accents, are passed piece by piece. */
const MAX_GRAPHEME = 64;

/** The result of a key press. */
export type EditOutcome =
  | "edited"
  | "unchanged"
  | "submitted"
  | "interrupted"
  | "ended"
  | "complete"
  | "search"
  | "clear-screen";

/** What the keys mean that do not change the line. */
const OUTCOMES = {
  enter: "submitted",
  interrupt: "interrupted",
  tab: "complete",
  "clear-screen": "clear-screen",
  search: "search",
  cancel: "unchanged",
  ignored: "unchanged",
} as const satisfies Partial<Record<KeyName, EditOutcome>>;

/** The edited line, its cursor and the history. It does no input or output. */
export class LineEditor {
  text = "";
  /** In UTF-16 units from the start; never inside a character, accents included. */
  cursor = 0;
  readonly #history: readonly string[];
  /** Position in the history; its length means the new line. */
  #position: number;
  /** The new line, while a line from the history is shown. */
  #draft = "";

  constructor(history: readonly string[] = []) {
    this.#history = history;
    this.#position = history.length;
  }

  press(key: Key): EditOutcome {
    if (key.kind === "text") return this.insert(key.text) ? "edited" : "unchanged";
    const before = `${this.cursor} ${this.text}`;
    const outcome = this.#pressKey(key.name);
    return outcome ?? (`${this.cursor} ${this.text}` === before ? "unchanged" : "edited");
  }

  /** False if the line would become too long. */
  insert(text: string): boolean {
    if (this.text.length + text.length > MAX_LINE_LENGTH) return false;
    this.#replace(this.cursor, this.cursor, text);
    return true;
  }

  /** Replaces the text between `start` and the cursor. */
  replaceBeforeCursor(start: number, text: string): void {
    this.#replace(start, this.cursor, text);
  }

  #pressKey(name: KeyName): EditOutcome | undefined {
    switch (name) {
      case "end-of-input":
        if (this.text === "") return "ended";
        this.#replace(this.cursor, this.#right(), "");
        return undefined;
      case "left":
        this.cursor = this.#left();
        return undefined;
      case "right":
        this.cursor = this.#right();
        return undefined;
      case "home":
        this.cursor = 0;
        return undefined;
      case "end":
        this.cursor = this.text.length;
        return undefined;
      case "word-left":
        this.cursor = this.#wordLeft();
        return undefined;
      case "word-right":
        this.cursor = this.#wordRight();
        return undefined;
      case "backspace":
        this.#replace(this.#left(), this.cursor, "");
        return undefined;
      case "delete":
        this.#replace(this.cursor, this.#right(), "");
        return undefined;
      case "kill-to-start":
        this.#replace(0, this.cursor, "");
        return undefined;
      case "kill-to-end":
        this.#replace(this.cursor, this.text.length, "");
        return undefined;
      case "kill-word":
        this.#replace(this.#wordLeft(), this.cursor, "");
        return undefined;
      case "kill-next-word":
        this.#replace(this.cursor, this.#wordRight(), "");
        return undefined;
      case "up":
        this.recall(this.#position - 1);
        return undefined;
      case "down":
        this.recall(this.#position + 1);
        return undefined;
      default:
        return OUTCOMES[name];
    }
  }

  #replace(start: number, end: number, text: string): void {
    this.text = this.text.slice(0, start) + text + this.text.slice(end);
    this.cursor = start + text.length;
  }

  /** Shows a line of the history, by its position. */
  recall(position: number): void {
    if (position < 0 || position > this.#history.length) return;
    if (this.#position === this.#history.length) this.#draft = this.text;
    this.#position = position;
    this.text = this.#history[position] ?? this.#draft;
    this.cursor = this.text.length;
  }

  #left(): number {
    const near = [...graphemesOf(this.text.slice(Math.max(this.cursor - MAX_GRAPHEME, 0), this.cursor))];
    return this.cursor - (near.at(-1)?.length ?? 0);
  }

  #right(): number {
    const [next = ""] = graphemesOf(this.text.slice(this.cursor, this.cursor + MAX_GRAPHEME));
    return this.cursor + next.length;
  }

  #wordRight(): number {
    return this.cursor + (this.text.slice(this.cursor).match(/^\s*\S*/)?.[0].length ?? 0);
  }

  #wordLeft(): number {
    // A regular expression that ends in `$` would be tried from each character, in quadratic time.
    let at = this.text.slice(0, this.cursor).trimEnd().length;
    while (at > 0 && !/\s/.test(this.text.charAt(at - 1))) at--;
    return at;
  }
}
