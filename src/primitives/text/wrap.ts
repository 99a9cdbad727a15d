import { fitColumns, visibleText } from "./visible-text.ts";

/** UTF-16 units looked at for each column: an emoji of several people has 11, for 2 columns. */
const MAX_UNITS_PER_COLUMN = 32;

export interface Wrapping {
  /** Whether a word that is wider than a line is broken; else it is left to the terminal, so that it can be copied whole. */
  readonly breaksWords: boolean;
  /** Blanks before each line but the first. */
  readonly hanging?: number;
}

/**
 * Breaks a text at blanks into lines of at most `columns` columns of a terminal. The first line keeps the blanks that the text
 * begins with. Characters that control a terminal are escaped.
 */
export function wrapText(text: string, columns: number, { breaksWords, hanging = 0 }: Wrapping): string[] {
  const whole = visibleText(text);
  if (Bun.stringWidth(whole) <= columns) return [whole];
  const indent = " ".repeat(Math.min(hanging, Math.floor(columns / 2)));
  const start = whole.match(/^ */)?.[0] ?? "";
  const lines: string[] = [];
  let line = start.length < columns ? start : "";
  let isEmpty = true;
  let blanks = "";
  for (const [i, word] of whole.slice(start.length).split(" ").entries()) {
    // Blanks before a word are dropped at the start of a line.
    if (i > 0) blanks += " ";
    if (word === "") continue;
    const isFitting = Bun.stringWidth(line) + blanks.length + Bun.stringWidth(word) <= columns;
    if (!isEmpty && !isFitting) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : blanks + word;
    isEmpty = false;
    blanks = "";
    while (breaksWords) {
      const head = headOf(line, columns);
      if (head.length >= line.length || head.trim() === "") break;
      lines.push(head);
      line = indent + line.slice(head.length);
    }
  }
  return [...lines, line];
}

/** What fits on a line. A character that is wider than a whole line is printed anyway. */
function headOf(line: string, columns: number): string {
  // Only the beginning is looked at, so that a very long word is broken in linear time.
  const beginning = line.slice(0, columns * MAX_UNITS_PER_COLUMN);
  return fitColumns(beginning, columns) || (beginning.match(/^./su)?.[0] ?? "");
}

/** The first few of a list, and how many more there are: `a, b, c and 297 more`. */
export function firstFew(names: readonly string[], limit: number): string {
  const shown = names.slice(0, limit).join(", ");
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}
