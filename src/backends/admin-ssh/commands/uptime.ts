import { formatDuration } from "../../../primitives/text/duration.ts";

const UNITS = [86_400, 3600, 60];

/** Formats the two largest units, such as `3d 4h`. */
export function formatUptime(seconds: number): string {
  const unit = UNITS.find((size) => seconds >= size);
  if (unit === undefined) return `${seconds}s`;
  const next = UNITS[UNITS.indexOf(unit) + 1] ?? 1;
  const whole = formatDuration(Math.floor(seconds / unit) * unit);
  const rest = Math.floor((seconds % unit) / next) * next;
  return rest === 0 ? whole : `${whole} ${formatDuration(rest)}`;
}
