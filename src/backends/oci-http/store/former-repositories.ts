import { Pace } from "../../../primitives/jobs/pace.ts";
import type { ReplaceableIndex } from "../../../primitives/store/index/replaceable-index.ts";
import type { HistoryIndex } from "../history/history-index.ts";

interface Recalling {
  readonly history: Pick<HistoryIndex, "catchUp" | "repositories">;
  readonly derived: Pick<ReplaceableIndex, "addScopes">;
}

/** Names added to the index at once. */
const AT_ONCE = 100;

/**
 * Adds the repositories to the index that hold nothing any more. It knows them, unless it was rebuilt: the newest commit does
 * not show them, but the history does.
 */
export async function recallRepositories(
  { history, derived }: Recalling,
  signal: AbortSignal,
): Promise<void> {
  await history.catchUp(signal);
  const pace = new Pace(1, signal);
  let names: string[] = [];
  for (const name of history.repositories()) {
    if (signal.aborted) return;
    names.push(name);
    if (names.length < AT_ONCE) continue;
    derived.addScopes(names);
    names = [];
    await pace.rest();
  }
  derived.addScopes(names);
}
