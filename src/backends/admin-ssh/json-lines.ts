import { type Failure, isHidden } from "../../primitives/errors/failure.ts";
import { rfc3339 } from "../../primitives/text/rfc3339.ts";

/** Prints JSON Lines instead of text; works with any command. */
export const JSON_FLAG = "--json";

/** Whether a line, even one that is no command, asks for JSON. */
export function isJsonLine(line: string): boolean {
  return line.split(/\s/).includes(JSON_FLAG);
}

/** One record as JSON; times are in RFC 3339. */
export function jsonLine(record: object): string {
  return JSON.stringify(record, function (this: Record<string, unknown>, key, value: unknown) {
    const raw = this[key];
    return raw instanceof Date ? rfc3339(raw) : value;
  });
}

/** A failure as JSON: its kind, message and hint. */
export function jsonError({ kind, words, hint }: Pick<Failure, "kind" | "words" | "hint">): string {
  return jsonLine({ error: { kind: isHidden(kind) ? "internal" : kind, message: words, hint } });
}
