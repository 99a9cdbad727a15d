import { nextTurn } from "./next-turn.ts";

/**
 * Shares runs of `work` among callers of one turn of the event loop: it begins at the end of the turn, so after each of their
 * calls. It does not wait for the run before it, as `SharedRun` does: for work that is shared elsewhere, too.
 */
export function sharedByTurn(work: () => Promise<void>): () => Promise<void> {
  let next: Promise<void> | undefined;
  return () => {
    next ??= nextTurn().then(() => {
      next = undefined;
      return work();
    });
    return next;
  };
}
