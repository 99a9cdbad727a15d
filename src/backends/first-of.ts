import type { Page } from "../registry/model/page.ts";

/** Reads up to `limit` entries of a list, and whether there are more. */
export async function firstOf<T>(list: AsyncIterable<T>, limit: number): Promise<Page<T>> {
  const entries: T[] = [];
  for await (const entry of list) {
    if (entries.length === limit) return { entries, more: true };
    entries.push(entry);
  }
  return { entries, more: false };
}
