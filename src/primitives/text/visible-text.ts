/** A joiner between two letters or pictures beyond ASCII belongs to how they are written, such as in Persian. */
const JOINER = "(?<=[^\\x00-\\x7f\\p{C}\\p{Z}])[\\u200c\\u200d](?=[^\\x00-\\x7f\\p{C}\\p{Z}])";

/**
 * What a terminal obeys or nobody sees: control characters (C0, DEL, C1), bidirectional controls and all else of Unicode's
 * format characters (zero-width ones, tags), line and paragraph separators, halves of surrogate pairs.
 */
const UNSEEN = `(?!${JOINER})[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]`;
/** Made at first use: most servers never print anything beyond ASCII. */
let unseen: RegExp | undefined;

const PLAIN = /^[\x20-\x7e]*$/;

/**
 * A line of text as it may go to a terminal or a log: what can't be seen is written `\u009b`. Applied again it changes
 * nothing, and a JSON text stays one of the same value.
 */
export function visibleText(text: string): string {
  if (PLAIN.test(text)) return text;
  unseen ??= new RegExp(UNSEEN, "gu");
  return text.replace(unseen, escapeUnits);
}

/** Whether people see all of a text, on one line and in its order. */
export function isVisible(text: string): boolean {
  return visibleText(text) === text;
}

function escapeUnits(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++)
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return escaped;
}

/** Made at first use, as it costs memory. */
let graphemes: Intl.Segmenter | undefined;

/** As much of the beginning of `text` as fits into so many columns of a terminal. */
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
