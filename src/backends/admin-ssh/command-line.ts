import { ExpectedError } from "../../primitives/expected-error.ts";

/** A line that can't be split into words; the message says why. */
export class CommandLineError extends ExpectedError {
  override readonly name = "CommandLineError";
  override readonly kind = "usage";
}

export interface Word {
  readonly text: string;
  /** Offsets in the line, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

/** A word as `splitWords` reads it. */
export function quoteWord(word: string): string {
  return word === "" ? '""' : word.replace(/[\s'"\\]/g, "\\$&");
}

/**
 * Splits a line at blanks. Single or double quotes keep blanks, `""` is an empty word; a backslash escapes the next
 * character, except between single quotes.
 */
export function splitWords(line: string): Word[] {
  const words: Word[] = [];
  let word: { text: string; start: number } | undefined;
  let quote: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (!quote && /\s/.test(char)) {
      if (word) words.push({ ...word, end: i });
      word = undefined;
      continue;
    }
    word ??= { text: "", start: i };
    if (char === "\\" && quote !== "'") {
      if (i + 1 === line.length) throw new CommandLineError("the line ends in a backslash");
      word.text += line.charAt(++i);
    } else if (char === quote) quote = undefined;
    else if (!quote && (char === '"' || char === "'")) quote = char;
    else word.text += char;
  }
  if (quote) throw new CommandLineError(`a quote ${quote} is not closed`);
  if (word) words.push({ ...word, end: line.length });
  return words;
}
