import type { Database } from "bun:sqlite";
import { DamagedDatabaseError } from "./database-damage.ts";

type Value = string | number | bigint | boolean | null | undefined | Uint8Array;

/** A checksum of a row's values, stored in the row, because SQLite does not detect flipped bits. */
export function rowSum(...values: readonly Value[]): number {
  let sum = 0;
  // Each value continues the checksum of those before, which is cheaper than joining them.
  for (const value of values) sum = Bun.hash.xxHash32(textOf(value), sum);
  return sum;
}

function textOf(value: Value): string {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? value.toHex() : String(value);
}

/** Throws `DamagedDatabaseError` unless `sum` is the checksum of the values. */
export function checkRow(db: Database, sum: unknown, ...values: readonly Value[]): void {
  if (sum !== rowSum(...values)) throw new DamagedDatabaseError(db.filename, "a row has another sum");
}
