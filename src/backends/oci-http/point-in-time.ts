import type { ObjectId } from "../../primitives/store/git/object-id.ts";
import type { Store } from "../../primitives/store/store.ts";

/** A moment in a store's history as people write it: a commit, a time, or how long ago. */
export type PointInTime =
  | { readonly kind: "commit"; readonly prefix: string }
  | { readonly kind: "time"; readonly seconds: number };

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** Fewer digits of a commit would soon be ambiguous. */
const COMMIT_PREFIX = /^[0-9a-f]{7,64}$/;

/** Reads `2h`, `3d`, `yesterday`, `2026-11-24T10:00:00Z`, `2026-11-24` (UTC) or at least 7 digits of a commit. */
export function parsePointInTime(text: string, now = Date.now()): PointInTime | undefined {
  const [, count, unit = ""] = text.match(/^(\d{1,6})([smhdw])$/) ?? [];
  const nowSeconds = Math.floor(now / 1000);
  if (count) return { kind: "time", seconds: nowSeconds - Number(count) * (UNIT_SECONDS[unit] ?? 0) };
  if (text === "yesterday") return { kind: "time", seconds: nowSeconds - 86_400 };
  if (COMMIT_PREFIX.test(text)) return { kind: "commit", prefix: text };
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const time = Date.parse(/[T ]\d{2}:\d{2}(:\d{2})?$/.test(text) ? `${text}Z` : text);
  return Number.isNaN(time) ? undefined : { kind: "time", seconds: Math.floor(time / 1000) };
}

/** The commit that a moment means: the one named, or the newest that was there by then. */
export async function commitAt(
  store: Store,
  point: PointInTime,
): Promise<ObjectId | "unknown" | "ambiguous"> {
  let found: ObjectId | undefined;
  for await (const { id, commit } of store.history()) {
    if (point.kind === "time" && commit.committer.seconds <= point.seconds) return id;
    if (point.kind !== "commit" || !id.startsWith(point.prefix)) continue;
    if (found) return "ambiguous";
    found = id;
  }
  return found ?? "unknown";
}
