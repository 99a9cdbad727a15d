/** Names in byte order from `from` (inclusive) to `before` (exclusive); `undefined` means no upper end. */
export interface NameRange {
  readonly from: string;
  readonly before: string | undefined;
}

/** Returns ranges of the same names, ascending and without overlap. */
export function mergeRanges(ranges: readonly NameRange[]): NameRange[] {
  const merged: NameRange[] = [];
  for (const range of ranges.toSorted((a, b) => compare(a.from, b.from))) {
    const last = merged.at(-1);
    if (last && (last.before === undefined || last.before >= range.from)) {
      merged[merged.length - 1] = { from: last.from, before: later(last.before, range.before) };
    } else merged.push(range);
  }
  return merged;
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return undefined;
  return a > b ? a : b;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
