import { type Failure, isHidden } from "../../primitives/errors/failure.ts";
import { rfc3339 } from "../../primitives/text/rfc3339.ts";

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
