/** Most characters of a text that a client has sent. */
const MAX_TEXT = 2000;
/** Most entries of a list or map that a client has sent. */
const MAX_ENTRIES = 200;

/** A text, cut if it is long; `undefined` for another value, and for an empty text. */
export function boundedText(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
}

/** The texts of a list; other values are left out. */
export function boundedTexts(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_ENTRIES).flatMap((item) => boundedText(item) ?? []);
}

/** A map of texts. */
export type Texts = Readonly<Record<string, string>>;

/** The texts of a map; numbers and other values are left out. */
export function boundedMap(value: unknown): Texts {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const texts: Record<string, string> = Object.create(null);
  let entries = 0;
  for (const [name, item] of Object.entries(value)) {
    if (typeof item !== "string") continue;
    if (++entries > MAX_ENTRIES) break;
    texts[name.slice(0, MAX_TEXT)] = boundedText(item) ?? "";
  }
  return { ...texts };
}
