import { ExpectedError } from "../../primitives/expected-error.ts";

/** A line that can't be split into words; the message says what was wrong with it. */
export class CommandLineError extends ExpectedError {
  override readonly name = "CommandLineError";
  override readonly kind = "usage";
}

export interface Word {
  readonly text: string;
  /** Where it begins in the line, in UTF-16 units. */
  readonly start: number;
}

/**
 * Splits a line at blanks. Quotes of either kind keep blanks, `""` is an empty word; a backslash keeps the next character,
 * but not between single quotes.
 */
export function splitWords(line: string): Word[] {
  const words: Word[] = [];
  let word: { text: string; start: number } | undefined;
  let quote: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (!quote && /\s/.test(char)) {
      if (word) words.push(word);
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
  if (word) words.push(word);
  return words;
}
