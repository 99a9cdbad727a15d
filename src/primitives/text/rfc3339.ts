/** `2026-01-31T12:00:00Z`: the format of times for programs (RFC 3339), in UTC and whole seconds. */
export function rfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
