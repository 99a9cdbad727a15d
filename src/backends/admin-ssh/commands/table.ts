import { type Digest, digestAlgorithm, digestHex } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { fitColumns, visibleText } from "../../../primitives/text/visible-text.ts";
import type { CommandContext, Listing } from "./command.ts";

/** Hex digits of a digest or commit in tables. */
const SHORT_HEX = 12;
/** Indentation of each console line, and blanks between columns. */
const INDENT = 2;
const GAP = 2;
/** Columns are not shortened below this width. */
const MIN_COLUMN = 8;

/** Formats records as a table; with `more` it ends in an ellipsis. */
export function listing<T extends object>(
  records: readonly T[],
  columns: Readonly<Record<string, (record: T) => string>>,
  context: Pick<CommandContext, "width">,
  { empty, more = false }: { readonly empty?: string; readonly more?: boolean } = {},
): Listing {
  const cells = records.map((record) => Object.values(columns).map((cell) => cell(record)));
  const lines = table(Object.keys(columns), cells, context);
  if (records.length === 0 && empty !== undefined) return { lines: [empty], records };
  return { lines: more ? [...lines, "…"] : lines, records };
}

/** Aligned columns under a header. On a terminal the widest columns are shortened until the lines fit. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { width }: Pick<CommandContext, "width">,
): string[] {
  const all = [header, ...rows.map((row) => row.map(visibleText))];
  const limit = width === undefined ? Number.POSITIVE_INFINITY : Math.max(width - INDENT, 1);
  const widths = header.map((_, i) =>
    all.reduce((most, row) => Math.max(most, Bun.stringWidth(row[i] ?? "")), 0),
  );
  const total = () => widths.reduce((sum, column) => sum + column, 0) + GAP * (widths.length - 1);
  for (let excess = total() - limit; excess > 0; excess = total() - limit) {
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest] ?? 0;
    if (width <= MIN_COLUMN) break;
    widths[widest] = Math.max(MIN_COLUMN, width - excess);
  }
  const shortened = all.map((row) => row.map((cell, i) => shorten(cell, widths[i] ?? 0)));
  return alignColumns(shortened).map((line) =>
    limit === Number.POSITIVE_INFINITY ? line : fitColumns(line, limit),
  );
}

/** Aligns the columns by the width that a terminal shows. */
export function alignColumns(table: readonly (readonly string[])[]): string[] {
  const rows = table.map((row) => row.map(visibleText));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, Bun.stringWidth(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - Bun.stringWidth(cell)))
      .join("  ")
      .trimEnd(),
  );
}

function shorten(cell: string, width: number): string {
  return Bun.stringWidth(cell) <= width ? cell : `${fitColumns(cell, width - 1)}…`;
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

/** Seconds since the epoch, the format of times in JSON records since earlier versions. */
export function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
