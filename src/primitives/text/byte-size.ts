const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Parses `512B`, `4MiB`, `1.5GiB` or `2TiB`, and decimal units such as `10GB` (IEC 80000-13, SI), to bytes. */
export function parseSize(text: string): number | undefined {
  const [, count, prefix = "", binary] = text.match(/^(\d{1,15}(?:\.\d{1,3})?) ?([kmgt]?)(i?)b$/i) ?? [];
  if (count === undefined || (binary && !prefix)) return undefined;
  const scale = prefix && "kmgt".indexOf(prefix.toLowerCase()) + 1;
  const bytes = Math.round(Number(count) * (binary ? 1024 : 1000) ** Number(scale));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** What to write in place of a text that is not a size; `undefined` if that can't be told. */
export function sizeAdvice(text: string): string | undefined {
  const [, count, prefix] = text.match(/^(\d{1,15}(?:\.\d{1,3})?) ?([kmgt]?)i?$/i) ?? [];
  if (count === undefined || Number(count) === 0) return undefined;
  if (prefix) {
    const unit = prefix.toUpperCase();
    return `write ${count}${unit}iB, or ${count}${unit}B for powers of 1000`;
  }
  return `add a unit: ${count}MiB, ${count}GiB, or ${count}B for bytes`;
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
