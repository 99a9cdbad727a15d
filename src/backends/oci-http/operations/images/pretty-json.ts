/** JSON of up to this many bytes is printed with line breaks; more than these many characters are cut. */
const MAX_PRETTY_BYTES = 64 * 1024;
const MAX_CHARACTERS = 64 * 1024;
/** Deeper JSON is shown as it is: its indentation would be longer than itself. */
const MAX_DEPTH = 24;

export interface ShownText {
  readonly text: string;
  /** Whether there is more of it. */
  readonly isCut: boolean;
}

/** JSON for people; what is no JSON, or too long or deep, as it is. */
export function prettyJson(content: Uint8Array): ShownText {
  const text = content.length <= MAX_PRETTY_BYTES ? indented(content) : undefined;
  return cut(text ?? new TextDecoder().decode(content.subarray(0, MAX_CHARACTERS + 1)));
}

function cut(text: string): ShownText {
  const isCut = text.length > MAX_CHARACTERS;
  return { text: isCut ? text.slice(0, MAX_CHARACTERS) : text, isCut };
}

function indented(content: Uint8Array): string | undefined {
  if (isDeep(content)) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
    return JSON.stringify(value, undefined, 2);
  } catch {
    return undefined;
  }
}

/** Braces within strings count too, so that some JSON is taken for deeper than it is. */
function isDeep(content: Uint8Array): boolean {
  let depth = 0;
  for (const byte of content) {
    if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}
