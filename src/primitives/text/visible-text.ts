/** A joiner between two letters or emoji beyond ASCII is part of their spelling, for example in Persian. */
const JOINER = "(?<=[^\\x00-\\x7f\\p{C}\\p{Z}])[\\u200c\\u200d](?=[^\\x00-\\x7f\\p{C}\\p{Z}])";

/**
 * Characters that control a terminal or are invisible: control characters (C0, DEL, C1), Unicode's format characters
 * (bidirectional controls, zero-width characters, tags), line and paragraph separators, unpaired surrogates.
 */
const UNSEEN = `(?!${JOINER})[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]`;
/** Compiled at first use: most servers never print anything beyond ASCII. */
let unseen: RegExp | undefined;

const PLAIN = /^[\x20-\x7e]*$/;

/**
 * Makes a line of text safe for a terminal or a log: invisible characters are escaped as `\u009b`. It is idempotent, and
 * JSON text keeps its value.
 */
export function visibleText(text: string): string {
  if (PLAIN.test(text)) return text;
  unseen ??= new RegExp(UNSEEN, "gu");
  return text.replace(unseen, escapeUnits);
}

/** Whether a text has only visible characters, on one line and in reading order. */
export function isVisible(text: string): boolean {
  return visibleText(text) === text;
}

function escapeUnits(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++)
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return escaped;
}

/** Created at first use, because it needs much memory. */
let graphemes: Intl.Segmenter | undefined;

/** The characters that a terminal shows, such as a letter with its accents. */
export function* graphemesOf(text: string): Generator<string> {
  if (PLAIN.test(text)) {
    yield* text;
    return;
  }
  graphemes ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  for (const { segment } of graphemes.segment(text)) yield segment;
}

/** The longest prefix of `text` that fits into `columns` columns of a terminal. */
export function fitColumns(text: string, columns: number): string {
  if (PLAIN.test(text)) return text.slice(0, columns);
  graphemes ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  let width = 0;
  let end = 0;
  for (const { segment, index } of graphemes.segment(text)) {
    width += Bun.stringWidth(segment);
    if (width > columns) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}
