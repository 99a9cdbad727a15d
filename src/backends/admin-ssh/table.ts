import { type Digest, digestAlgorithm, digestHex } from "../../primitives/digest.ts";
import type { ObjectId } from "../../primitives/store/git/object-id.ts";
import { alignColumns, type CommandContext } from "./command.ts";

/** Hex digits of a digest or commit that people tell apart. */
const SHORT_HEX = 12;
/** Indentation that the console adds to each line. */
const INDENT = 2;
const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Aligned columns under a header. Lines are cut at the terminal's edge; scripts get them whole. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { width }: Pick<CommandContext, "width">,
): string[] {
  const limit = width === undefined ? Number.POSITIVE_INFINITY : Math.max(width - INDENT, 1);
  return alignColumns([header, ...rows]).map((line) => line.slice(0, limit));
}

export function shortCommit(commit: ObjectId): string {
  return commit.slice(0, SHORT_HEX);
}

export function shortDigest(digest: Digest): string {
  return `${digestAlgorithm(digest)}:${digestHex(digest).slice(0, SHORT_HEX)}`;
}

/** `2026-01-31 12:00:00`, in UTC, of seconds since the epoch. */
export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}

/** Bytes in the largest unit that leaves at least one, such as `3.4 MiB`. */
export function sizeOf(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < SIZE_UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${SIZE_UNITS[unit]}`;
}
