import { nextTurn } from "../../jobs/next-turn.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { Projection } from "./projection.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Change } from "./tree-edit.ts";
import { diffTrees } from "./tree-walk.ts";

/** Files passed at once; bounds the memory of a catch-up. */
const CHUNK = 1000;

/** How long files are read before the event loop runs once, for signals and requests to stop (ms). */
const TURN_MS = 10;

export interface CatchUpOptions {
  /** Called with the number of files that were applied. */
  readonly report?: ((files: number) => void) | undefined;
  /** Cancels the catch-up; the next one applies the same changes again. */
  readonly signal?: AbortSignal | undefined;
}

/** Applies the differences between the projection's commit and `head`. Rejects with the signal's reason. */
export async function catchUp(
  projection: Projection,
  head: Snapshot,
  reader: ObjectReader,
  { report = () => undefined, signal }: CatchUpOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  if (!head.commitId) {
    if (projection.head) projection.reset();
    return;
  }
  if (projection.head === head.commitId) return;
  let chunk: Change[] = [];
  let told = 0;
  let turned = performance.now();
  for await (const { path, after } of diffTrees(
    reader.tree,
    await knownTree(projection, reader),
    head.tree,
  )) {
    if (performance.now() - turned > TURN_MS) {
      await nextTurn();
      turned = performance.now();
      signal?.throwIfAborted();
    }
    chunk.push({ path, content: after ? await reader.blob(after) : null });
    if (chunk.length === CHUNK) {
      projection.apply(chunk);
      told += chunk.length;
      report(told);
      chunk = [];
    }
  }
  projection.apply(chunk, head.commitId);
}

/** The tree of the projection's commit. Rejects, without a reset, if it can't be read for now. */
async function knownTree(projection: Projection, reader: ObjectReader): Promise<ObjectId | undefined> {
  const known = projection.head && (await reader.storedCommit(projection.head));
  if (known) return known.tree;
  // The projection is empty or partial, or stock git rewrote the history and dropped its commit: start from the beginning.
  projection.reset();
  return undefined;
}
