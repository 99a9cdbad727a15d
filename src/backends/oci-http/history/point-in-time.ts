import { parseDuration } from "../../../primitives/text/duration.ts";

/** A moment in a store's history as a user writes it: a commit, a time, or an age. */
export type PointInTime =
  | { readonly kind: "commit"; readonly prefix: string }
  | { readonly kind: "time"; readonly seconds: number };

/** Fewer digits would be ambiguous at once, and read like a number. */
const COMMIT_PREFIX = /^[0-9a-f]{4,64}$/;

/** Parses `2h`, `3d`, `yesterday`, `now`, `2026-11-24T10:00:00Z`, `2026-11-24` (UTC) or at least 4 digits of a commit. */
export function parsePointInTime(text: string, now = Date.now()): PointInTime | undefined {
  const ago = parseDuration(text);
  const nowSeconds = Math.floor(now / 1000);
  if (ago !== undefined) return { kind: "time", seconds: nowSeconds - ago };
  if (text === "now") return { kind: "time", seconds: nowSeconds };
  if (text === "yesterday") return { kind: "time", seconds: nowSeconds - 86_400 };
  if (COMMIT_PREFIX.test(text)) return { kind: "commit", prefix: text };
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const time = Date.parse(/[T ]\d{2}:\d{2}(:\d{2})?$/.test(text) ? `${text}Z` : text);
  return Number.isNaN(time) ? undefined : { kind: "time", seconds: Math.floor(time / 1000) };
}
