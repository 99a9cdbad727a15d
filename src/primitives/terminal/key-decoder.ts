/*
 * Terminal editing: keys from bytes, a line from keys, and the line on a screen. It knows no command and no transport, and
 * imports only the text and jobs primitives.
 */

/** One key press: text to insert, or an editing key. */
export type Key =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "key"; readonly name: KeyName };

export type KeyName =
  | "enter"
  | "tab"
  | "backspace"
  | "delete"
  | "left"
  | "right"
  | "up"
  | "down"
  | "home"
  | "end"
  | "word-left"
  | "word-right"
  | "kill-to-start"
  | "kill-to-end"
  | "kill-word"
  | "kill-next-word"
  | "search"
  | "cancel"
  | "interrupt"
  | "end-of-input"
  | "clear-screen"
  | "ignored";

const CONTROL_KEYS: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\x08": "backspace",
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "end-of-input",
  "\x05": "end",
  "\x06": "right",
  "\x07": "cancel",
  "\x0b": "kill-to-end",
  "\x0c": "clear-screen",
  "\x0e": "down",
  "\x10": "up",
  "\x12": "search",
  "\x15": "kill-to-start",
  "\x17": "kill-word",
};

/** The sequences after ESC that xterm, the Linux console and similar terminals send. */
const ESCAPE_KEYS: Readonly<Record<string, KeyName>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  "[H": "home",
  "[F": "end",
  OA: "up",
  OB: "down",
  OC: "right",
  OD: "left",
  OH: "home",
  OF: "end",
  "[1~": "home",
  "[7~": "home",
  "[4~": "end",
  "[8~": "end",
  "[3~": "delete",
  "[1;5C": "word-right",
  "[1;5D": "word-left",
  "[1;3C": "word-right",
  "[1;3D": "word-left",
  b: "word-left",
  d: "kill-next-word",
  f: "word-right",
  "\x7f": "kill-word",
};

/** ESC, then a control sequence (CSI), a keypad key (SS3) or one character; the second branch matches an incomplete one. */
const ESCAPE = /^\x1b(?:(\[[0-9;?]*[@-~]|O[A-Za-z]|[^[O])|(\[[0-9;?]*|O)?$)/;
/** No terminal sends a longer sequence; a longer one is dropped. */
const MAX_ESCAPE_LENGTH = 32;

/** Decodes terminal input into keys, even if a key is split across packets. */
export class KeyDecoder {
  readonly #utf8 = new TextDecoder();
  #pending = "";
  #afterReturn = false;

  decode(bytes: Uint8Array): Key[] {
    this.#pending += this.#utf8.decode(bytes, { stream: true });
    const keys: Key[] = [];
    for (;;) {
      const key = this.#next();
      if (!key) return keys;
      keys.push(key);
    }
  }

  /** Whether an ESC has arrived and nothing after it: the key Esc, or the beginning of another key. */
  get hasLoneEscape(): boolean {
    return this.#pending === "\x1b";
  }

  /** Takes the ESC for the key Esc. */
  takeEscape(): Key {
    this.#pending = "";
    return { kind: "key", name: "cancel" };
  }

  #next(): Key | undefined {
    const [first] = this.#pending;
    if (first === undefined) return undefined;
    if (first === "\x1b") return this.#escape();
    const isLineFeedOfReturn = first === "\n" && this.#afterReturn;
    this.#afterReturn = first === "\r";
    const control = CONTROL_KEYS[first];
    if (control || first < " ") {
      this.#pending = this.#pending.slice(first.length);
      return { kind: "key", name: isLineFeedOfReturn ? "ignored" : (control ?? "ignored") };
    }
    const text = this.#pending.match(/^[^\x00-\x1f\x7f]+/)?.[0] ?? first;
    this.#pending = this.#pending.slice(text.length);
    return { kind: "text", text };
  }

  #escape(): Key | undefined {
    this.#afterReturn = false;
    const [whole = "", sequence] = this.#pending.match(ESCAPE) ?? [];
    if (whole !== "" && sequence === undefined && this.#pending.length <= MAX_ESCAPE_LENGTH) return undefined;
    this.#pending = this.#pending.slice(sequence === undefined ? 1 : whole.length);
    return { kind: "key", name: ESCAPE_KEYS[sequence ?? ""] ?? "ignored" };
  }
}
