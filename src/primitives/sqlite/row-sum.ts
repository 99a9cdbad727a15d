import type { Database } from "bun:sqlite";
import { DamagedDatabaseError } from "./database-damage.ts";

type Value = string | number | bigint | boolean | null | undefined | Uint8Array;

/** A sum over what a row says, kept in the row: SQLite itself does not notice when a bit of it has changed. */
export function rowSum(...values: readonly Value[]): number {
  let sum = 0;
  // Each goes on from the sum of those before, which costs less than making one text of them.
  for (const value of values) sum = Bun.hash.xxHash32(textOf(value), sum);
  return sum;
}

function textOf(value: Value): string {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? value.toHex() : String(value);
}

/** Throws `DamagedDatabaseError` unless `sum` is the one that was stored with the values. */
export function checkRow(db: Database, sum: unknown, ...values: readonly Value[]): void {
  if (sum !== rowSum(...values)) throw new DamagedDatabaseError(db.filename, "a row has another sum");
}
