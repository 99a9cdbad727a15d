/** Whether a value from JSON or TOML is an object, not a list or null. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A string, number or boolean from JSON or TOML as text; empty for all else, such as tables, which have no text. */
export function plainText(value: unknown): string {
  return typeof value === "object" || value === undefined ? "" : String(value);
}
