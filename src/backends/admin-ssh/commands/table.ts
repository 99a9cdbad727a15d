import { type Digest, digestAlgorithm, digestHex } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { wrapText } from "../../../primitives/text/wrap.ts";
import { type ColumnFit, layOut, type TableColumn } from "./column-layout.ts";
import type { Listing, Screen } from "./command.ts";

/** Hex digits of a digest or commit in tables. */
const SHORT_HEX = 12;
/** Columns of a date: a time is wrapped between date and time of day. */
export const TIME_LEAST = 10;
/** Indentation of each console line. */
const INDENT = 2;

/** A column of records: its cells, and how it gives way on a narrow terminal. A function alone is wrapped there. */
export type Columns<T> = Readonly<
  Record<string, ((record: T) => string) | ({ readonly cell: (record: T) => string } & ColumnFit)>
>;

/** Formats records as a table; with `more`, a last line says that it is not complete. */
export function listing<T extends object>(
  records: readonly T[],
  columns: Columns<T>,
  screen: Screen,
  { empty, more = false }: { readonly empty?: string; readonly more?: boolean } = {},
): Listing {
  if (records.length === 0 && empty !== undefined) return { lines: [empty], records };
  const described = Object.entries(columns).map(([name, column]) =>
    typeof column === "function" ? { name, cell: column } : { name, ...column },
  );
  const cells = records.map((record) => described.map(({ cell }) => cell(record)));
  const lines = table(described, cells, screen);
  return {
    lines: more ? [...lines, `… there are more; these are the first ${records.length}`] : lines,
    records,
  };
}

/**
 * Aligned columns under a header. On a terminal they fit its width, and a last line names the columns that were left out;
 * without one nothing is left out or wrapped.
 */
export function table(
  columns: readonly (TableColumn | string)[],
  rows: readonly (readonly string[])[],
  { width }: Screen,
): string[] {
  const described = columns.map((column) => (typeof column === "string" ? { name: column } : column));
  const { lines, leftOut } = layOut(described, [described.map(({ name }) => name), ...rows], limitOf(width));
  if (leftOut.length === 0) return lines;
  const names = leftOut.join(", ");
  const note = `${width} columns have no room for: ${names}; widen the terminal, or add --json`;
  return [...lines, ...wrapText(note, limitOf(width), { breaksWords: true })];
}

/** Aligns columns without a header by the width that a terminal shows, and wraps them to fit a narrow one. */
export function alignColumns(rows: readonly (readonly string[])[], { width }: Screen): string[] {
  const count = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const columns = Array.from({ length: count }, () => ({ name: "" }));
  return layOut(columns, rows, limitOf(width)).lines;
}

/** Two columns, such as a command and what it does. On a narrow terminal, the second follows on lines of its own. */
export function alignPairs(pairs: readonly (readonly [string, string])[], screen: Screen): string[] {
  const aligned = alignColumns(pairs, { width: undefined });
  if (aligned.every((line) => isWithin(line, screen))) return aligned;
  const limit = limitOf(screen.width);
  return pairs.flatMap(([first, second]) => [
    ...wrapText(first, limit, { breaksWords: false, hanging: 2 }),
    ...wrapText(`  ${second}`, limit, { breaksWords: false, hanging: 2 }),
  ]);
}

/** How many rows lines take on the terminal, where long ones are wrapped. */
export function rowsOf(lines: readonly string[], { width }: Screen): number {
  const wrapping = { breaksWords: true, hanging: 2 };
  return lines.reduce((rows, line) => rows + wrapText(line, limitOf(width), wrapping).length, 0);
}

/** Whether a line fits the terminal. */
export function isWithin(line: string, { width }: Screen): boolean {
  return Bun.stringWidth(line) <= limitOf(width);
}

function limitOf(width: number | undefined): number {
  return width === undefined ? Number.POSITIVE_INFINITY : Math.max(width - INDENT, 1);
}

export function shortCommit(commit: ObjectId): string {
  return commit.slice(0, SHORT_HEX);
}

export function shortDigest(digest: Digest): string {
  return `${digestAlgorithm(digest)}:${digestHex(digest).slice(0, SHORT_HEX)}`;
}

/** `2026-01-31 12:00:00`, in UTC. */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace("T", " ");
}
