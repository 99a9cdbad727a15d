const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Parses `512B`, `4MiB`, `1.5GiB` or `2TiB` to bytes. */
export function parseSize(text: string): number | undefined {
  const [, count, unit] = text.match(/^(\d{1,15}(?:\.\d{1,3})?)(B|KiB|MiB|GiB|TiB)$/) ?? [];
  const scale = UNITS.indexOf(unit as (typeof UNITS)[number]);
  const bytes = Math.round(Number(count) * 1024 ** scale);
  return scale >= 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Formats a size for people, such as `3.4 MiB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** The shortest exact form that `parseSize` accepts. */
export function writeSize(bytes: number): string {
  const unit = UNITS.findLastIndex((_, scale) => bytes >= 1024 ** scale && bytes % 1024 ** scale === 0);
  return `${bytes / 1024 ** Math.max(unit, 0)}${UNITS[Math.max(unit, 0)]}`;
}
