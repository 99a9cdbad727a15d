import { visibleText } from "../../../primitives/text/visible-text.ts";
import { wrapText } from "../../../primitives/text/wrap.ts";

/** Blanks between columns. */
const GAP = 2;
/** A column is wrapped to this width before another one is left out, and to the smaller one after that. */
const COMFORTABLE = 30;
const NARROW = 16;

/** How a column gives way on a narrow terminal. */
export interface ColumnFit {
  /** Left out where the terminal is too narrow, the highest number first; without a number it always stays. */
  readonly leaveOut?: number;
  /** Fewest columns to which its cells are wrapped, once nothing more can be left out; without it, `NARROW`. */
  readonly least?: number;
}

/** As `least`: the cells are never wrapped. */
export const WHOLE = Number.POSITIVE_INFINITY;

export interface TableColumn extends ColumnFit {
  readonly name: string;
}

export interface Layout {
  readonly lines: string[];
  /** Names of the columns that were left out. */
  readonly leftOut: readonly string[];
}

interface SizedColumn {
  readonly fit: TableColumn;
  readonly index: number;
  /** Width of its widest cell. */
  readonly natural: number;
  width: number;
}

/**
 * Aligns rows of cells for a terminal of `limit` columns: it leaves out the columns that may be, and wraps the others. If that is
 * still too wide, each row becomes several lines, one for each cell. No cell of a column that stays is ever cut.
 */
export function layOut(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  limit: number,
): Layout {
  const cells = rows.map((row) => row.map(visibleText));
  const sized = columns.map((fit, index): SizedColumn => {
    const natural = cells.reduce((most, row) => Math.max(most, Bun.stringWidth(row[index] ?? "")), 0);
    return { fit, index, natural, width: natural };
  });
  const kept = fitting(sized, limit);
  if (!kept) return { lines: stacked(columns, cells, limit), leftOut: [] };
  const leftOut = sized.filter((column) => !kept.includes(column)).map(({ fit }) => fit.name);
  return { lines: cells.flatMap((row) => rowLines(kept, row)), leftOut };
}

/** The columns that stay, with their widths; `undefined` if even the narrowest layout is too wide. */
function fitting(columns: readonly SizedColumn[], limit: number): readonly SizedColumn[] | undefined {
  const kept = [...columns];
  while (!spread(kept, limit, ({ least }) => (least === undefined ? COMFORTABLE : undefined))) {
    const last = kept.reduce<SizedColumn | undefined>((most, column) => {
      const isBefore = (column.fit.leaveOut ?? 0) > (most?.fit.leaveOut ?? 0);
      return isBefore ? column : most;
    }, undefined);
    if (!last) return spread(kept, limit, ({ least }) => least ?? NARROW) ? kept : undefined;
    kept.splice(kept.indexOf(last), 1);
  }
  return kept;
}

/**
 * Gives each column its least width. What is left makes columns whole, the narrow ones first; the rest goes to the widest.
 * False if there is too little.
 */
function spread(
  columns: readonly SizedColumn[],
  limit: number,
  leastOf: (fit: TableColumn) => number | undefined,
): boolean {
  for (const column of columns)
    column.width = Math.min(column.natural, leastOf(column.fit) ?? column.natural);
  let rest = limit - GAP * (columns.length - 1);
  for (const { width } of columns) rest -= width;
  if (rest < 0) return false;
  const byWidth = columns.toSorted((a, b) => a.natural - b.natural);
  for (const column of byWidth) {
    const missing = column.natural - column.width;
    if (missing > rest && column !== byWidth.at(-1)) continue;
    const more = Math.min(rest, missing);
    column.width += more;
    rest -= more;
  }
  return true;
}

function rowLines(columns: readonly SizedColumn[], row: readonly string[]): string[] {
  const wrapped = columns.map(({ index, width }) =>
    wrapText(row[index] ?? "", Math.max(width, 1), { breaksWords: true }),
  );
  const height = wrapped.reduce((most, lines) => Math.max(most, lines.length), 1);
  const lines: string[] = [];
  for (let at = 0; at < height; at++) {
    const parts = columns.map(({ width }, i) => padded(wrapped[i]?.[at] ?? "", width));
    lines.push(parts.join(" ".repeat(GAP)).trimEnd());
  }
  return lines;
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(width - Bun.stringWidth(cell), 0));
}

/** One line for each cell, named if the columns have names, which the first row holds then. */
function stacked(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  limit: number,
): string[] {
  const isNamed = columns.some(({ name }) => name !== "");
  const wrapping = { breaksWords: true, hanging: 2 } as const;
  if (!isNamed)
    return rows.flatMap((row) =>
      row.flatMap((cell, i) =>
        cell === "" ? [] : wrapText(i > 0 ? `  ${cell.trimStart()}` : cell, limit, wrapping),
      ),
    );
  return rows.slice(1).flatMap((row, at) => [
    ...(at > 0 ? [""] : []),
    ...row.flatMap((cell, i) => {
      const name = columns[i]?.name ?? "";
      return cell === "" ? [] : wrapText(name === "" ? cell : `${name}: ${cell}`, limit, wrapping);
    }),
  ]);
}
