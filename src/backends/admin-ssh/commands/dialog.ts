import { ExpectedError } from "../../../primitives/expected-error.ts";
import type { LineReader, Terminal } from "../../../primitives/terminal/line-reader.ts";
import { wrapText } from "../../../primitives/text/wrap.ts";
import { ConsoleError } from "./console-error.ts";
import { TextLines } from "./text-lines.ts";

/**
 * Prompts for a line without echo; a new password twice, unless it is one that the user knows already. Rejects with
 * `ConsoleError` if there is no terminal or input.
 */
export type AskSecret = (question: string, options?: { readonly isKnown?: boolean }) => Promise<string>;

/** Reads a document from standard input, to its end. Rejects with `ConsoleError` if there is none, or it is too long. */
export type ReadDocument = () => Promise<string>;

/** What a command asks for: a password, or a document. */
export type NeededInput =
  | { readonly kind: "secret"; readonly question: string }
  | { readonly kind: "document" };

/** Input must be fetched first; nothing was changed, and the command can be run again with it. */
export class InputNeededError extends ExpectedError {
  override readonly name = "InputNeededError";
  override readonly kind = "incomplete";
  readonly needs: NeededInput;

  constructor(needs: NeededInput) {
    super("the input is missing");
    this.needs = needs;
  }
}

/** Asks a yes-or-no question. Rejects with `ConsoleError` if there is no terminal. */
export type Confirm = (question: string) => Promise<boolean>;

/**
 * Redraws `lines` in place every second until a key is pressed; `width` is in columns. Lines that the terminal's height has no
 * room for are not shown.
 */
export type Live = (lines: (width: number) => Promise<readonly string[]>) => Promise<void>;

const REDRAW_MS = 1000;
const LIVE_WRAPPING = { breaksWords: true, hanging: 4 } as const;

export function liveScreen(
  reader: LineReader,
  { write, columns, rows }: Pick<Terminal, "write" | "columns" | "rows">,
): Live {
  return async (lines) => {
    let isOver = false;
    let wake: () => void = () => undefined;
    const pressed = reader.key().then(() => {
      isOver = true;
      wake();
    });
    let drawn: readonly string[] = [];
    while (!isOver) {
      const width = columns();
      // One column stays free: at the edge, clearing the rest of a row would clear its last character.
      const limit = Math.max(width - 1, 1);
      const wrapped = (await lines(limit)).flatMap((line) => wrapText(`  ${line}`, limit, LIVE_WRAPPING));
      const shown = wrapped.slice(0, Math.max(rows() - 1, 1));
      // Terminals wrap again what they show when their width changes.
      const above = drawn.reduce(
        (rows, line) => rows + Math.max(Math.ceil(Bun.stringWidth(line) / width), 1),
        0,
      );
      const up = above > 0 ? `\x1b[${above}A` : "";
      // A slow client gets fewer screens instead of a growing queue.
      await write(`${up}\r${shown.map((line) => `${line}\x1b[K\r\n`).join("")}\x1b[J`);
      drawn = shown;
      if (isOver) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, REDRAW_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    await pressed;
  };
}

export function confirmer(reader: LineReader): Confirm {
  return async (question) => {
    const read = await reader.read({ prompt: `${question} [y/N] ` });
    return read.kind === "line" && /^y(es)?$/i.test(read.text.trim());
  };
}

export const cannotConfirm: Confirm = async () => {
  throw new ConsoleError("can't ask for confirmation without a terminal; add --yes to confirm");
};

/** Prompts twice for a new password, because a typing error is not visible. */
export function secretAsker(reader: LineReader): AskSecret {
  return async (question, { isKnown = false } = {}) => {
    const answers: string[] = [];
    for (const prompt of isKnown ? [question] : [question, `Repeat ${question.toLowerCase()}`]) {
      const read = await reader.read({ prompt, secret: true });
      if (read.kind !== "line")
        throw new ConsoleError("cancelled; nothing was changed", { kind: "incomplete" });
      answers.push(read.text);
    }
    if (answers.at(0) !== answers.at(-1)) throw new ConsoleError("the two do not match; nothing was changed");
    return answers[0] ?? "";
  };
}

/** Most bytes of a document. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** Reads all of `input` as UTF-8. */
export function documentReader(input: AsyncIterable<Uint8Array>): ReadDocument {
  return async () => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let [text, bytes] = ["", 0];
    try {
      for await (const packet of input) {
        bytes += packet.length;
        if (bytes > MAX_DOCUMENT_BYTES) break;
        text += decoder.decode(packet, { stream: true });
      }
      if (bytes <= MAX_DOCUMENT_BYTES) return text + decoder.decode();
    } catch (error) {
      if (error instanceof TypeError) throw new ConsoleError("the document is not UTF-8");
      throw error;
    }
    throw new ConsoleError(`the document is longer than ${MAX_DOCUMENT_BYTES} bytes`);
  };
}

/** Without a terminal, the answers are the lines of standard input: `printf secret | ssh host '/users add alice'`. */
export function inputAsker(input: AsyncIterable<Uint8Array>): AskSecret {
  const lines = new TextLines(input)[Symbol.asyncIterator]();
  return async (question, { isKnown = false } = {}) => {
    const { value, done } = await lines.next();
    if (!done) return value;
    const what = question.replace(/: $/, "").toLowerCase();
    throw new ConsoleError(
      isKnown
        ? `the ${what} is missing: send it and then the new one on standard input, a line each, or use 'ssh -t'`
        : `the ${what} is missing: give it in the command, on standard input, or use 'ssh -t'`,
    );
  };
}
