import { InvalidArgumentError } from "../../refusals.ts";
import type { Position } from "../summaries/keyset-scan.ts";

/** A page of a search. */
export interface FoundPage<T> {
  readonly entries: readonly T[];
  /** The cursor of the next page; `undefined` on the last one. */
  readonly next: string | undefined;
  /** How many there are on all pages; `undefined` where counting them would take long. */
  readonly total: number | undefined;
  /** False while sizes and counts are collected for the first time; the entries are then in the order of their names. */
  readonly isMeasured: boolean;
}

/** Most entries of one page. */
export const MAX_PAGE = 500;

export interface Order {
  readonly sort: string;
  readonly descending: boolean;
}

/** The text of a cursor: it names the last entry that was shown, and nothing else. */
export function cursorAfter({ sort, descending }: Order, { key, name }: Position): string {
  return encodedCursor([sort, descending ? 1 : 0, key, name]);
}

export function encodedCursor(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** Throws `InvalidArgumentError` for a text that is not a cursor of this order. */
export function positionOf(cursor: string | undefined, order: Order): Position | undefined {
  if (cursor === undefined) return undefined;
  const [sort, direction, key, name] = decodedCursor(cursor);
  const isKey = typeof key === "string" || typeof key === "number";
  if (sort !== order.sort || direction !== (order.descending ? 1 : 0) || !isKey || typeof name !== "string")
    throw new InvalidArgumentError("the cursor is not one of this list; begin with the first page");
  return { key, name };
}

/** Empty for a text that is no cursor. */
export function decodedCursor(cursor: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

/** Throws `InvalidArgumentError` for a page of no entries, or of more than `MAX_PAGE`. */
export function checkLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new InvalidArgumentError(`a page has 1 to ${MAX_PAGE} entries, not ${limit}`);
  return limit;
}

/** Up to `limit` entries of a list, and the cursor after them. */
export async function pageOf<T extends Position>(
  list: AsyncIterable<T>,
  order: Order,
  limit: number,
): Promise<{ readonly rows: T[]; readonly next: string | undefined }> {
  const rows: T[] = [];
  for await (const row of list) {
    const last = rows.at(-1);
    if (rows.length === limit && last) return { rows, next: cursorAfter(order, last) };
    rows.push(row);
  }
  return { rows, next: undefined };
}

export function comparePositions(a: Position, b: Position): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
