import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Position } from "../summaries/keyset-scan.ts";
import { comparePositions } from "./found-page.ts";

/** The first `limit` entries of an unsorted list after a position, in order, without keeping the others. */
export async function smallestAfter<T extends Position>(
  list: Iterable<T | undefined>,
  { descending }: { readonly descending: boolean },
  { position, limit }: { readonly position: Position | undefined; readonly limit: number },
): Promise<T[]> {
  const sign = descending ? -1 : 1;
  const compare = (a: Position, b: Position) => sign * comparePositions(a, b);
  const pace = new Pace(0.3);
  let found: T[] = [];
  let bound: T | undefined;
  for (const entry of list) {
    const resting = pace.rest();
    // Awaiting nothing costs as much as the rest of an entry.
    if (resting !== undefined) await resting;
    if (!entry || (position && compare(entry, position) <= 0) || (bound && compare(entry, bound) >= 0))
      continue;
    found.push(entry);
    // Sorted only now and then, so that an entry costs little.
    if (found.length < 4 * limit) continue;
    found = found.sort(compare).slice(0, limit);
    bound = found.at(-1);
  }
  return found.sort(compare).slice(0, limit);
}
