const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Parses `45s`, `90m`, `12h`, `30d` or `2w` to seconds. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ""] = text.match(/^(\d{1,6})([smhdw])$/) ?? [];
  return count === undefined ? undefined : Number(count) * (UNIT_SECONDS[unit] ?? 0);
}

/** What to write in place of a text that is not a duration; `undefined` if that can't be told. */
export function durationAdvice(text: string): string | undefined {
  if (/^[1-9]\d{0,5}$/.test(text)) return `add a unit: ${text}s, ${text}m, ${text}h or ${text}d`;
  const parts = text.match(/^(?:\d{1,6}(?:\.\d{1,3})?[smhdw]){1,5}$/) ? text.split(/(?<=[smhdw])/) : [];
  const seconds = (parts ?? []).reduce(
    (sum, part) => sum + Number(part.slice(0, -1)) * (UNIT_SECONDS[part.slice(-1)] ?? 0),
    0,
  );
  const better = formatDuration(seconds);
  return seconds > 0 && parseDuration(better) === seconds && better !== text ? `write ${better}` : undefined;
}

/** The shortest form that `parseDuration` accepts. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return "0s";
  const [unit, size] = Object.entries(UNIT_SECONDS).findLast(([, size]) => seconds % size === 0) ?? ["s", 1];
  return `${seconds / size}${unit}`;
}
