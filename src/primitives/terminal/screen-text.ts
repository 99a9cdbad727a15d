import { graphemesOf, visibleText } from "../text/visible-text.ts";

const ONE_COLUMN_EACH = /^[\x20-\x7e]*$/;
/** Blanks before the names, and between them. */
const INDENT = 2;
const GAP = 2;
/** Rows for the line that is completed, above and below the names, and for the last line. */
const OTHER_ROWS = 3;

/** Where the cursor of a terminal is, relative to where a text begins. */
export interface CursorPlace {
  readonly row: number;
  readonly column: number;
  /** Whether the text fills its last row: a terminal goes to the next row only when it prints the next character. */
  readonly isAtEdge: boolean;
}

/** Where the cursor is after a text that begins in the first column. A wide character never stands on two rows. */
export function cursorAfter(text: string, columns: number): CursorPlace {
  if (ONE_COLUMN_EACH.test(text)) {
    const [row, column] = [Math.floor(text.length / columns), text.length % columns];
    return { row, column, isAtEdge: text !== "" && column === 0 };
  }
  let row = 0;
  let column = 0;
  for (const segment of graphemesOf(text)) {
    const width = Bun.stringWidth(segment);
    if (column + width > columns) {
      row++;
      column = 0;
    }
    column += width;
  }
  const isAtEdge = column >= columns;
  return isAtEdge ? { row: row + 1, column: 0, isAtEdge } : { row, column, isAtEdge };
}

/**
 * Lays names out in columns, read downwards, as wide as the terminal allows. What its rows have no room for is left out, and a
 * last line says so.
 */
export function namesInColumns(
  names: readonly string[],
  { columns, rows: most }: { readonly columns: number; readonly rows: number },
): string[] {
  const visible = names.map(visibleText);
  const width = visible.reduce((widest, name) => Math.max(widest, Bun.stringWidth(name)), 0) + GAP;
  const perRow = Math.max(Math.floor((columns - INDENT + GAP) / width), 1);
  const room = Math.max(most - OTHER_ROWS, 1) * perRow;
  const shown = visible.slice(0, room);
  const rows = Math.ceil(shown.length / perRow);
  const lines = Array.from({ length: rows }, (_, row) => {
    const cells = shown.filter((_name, i) => i % rows === row);
    const padded = cells.map((name) => name + " ".repeat(width - Bun.stringWidth(name)));
    return `${" ".repeat(INDENT)}${padded.join("").trimEnd()}`;
  });
  return visible.length > room ? [...lines, `${" ".repeat(INDENT)}…`] : lines;
}
