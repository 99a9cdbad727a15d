const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Parses `45s`, `90m`, `12h`, `30d` or `2w` to seconds. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ""] = text.match(/^(\d{1,6})([smhdw])$/) ?? [];
  return count === undefined ? undefined : Number(count) * (UNIT_SECONDS[unit] ?? 0);
}

/** The shortest form that `parseDuration` accepts. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return "0s";
  const [unit, size] = Object.entries(UNIT_SECONDS).findLast(([, size]) => seconds % size === 0) ?? ["s", 1];
  return `${seconds / size}${unit}`;
}
