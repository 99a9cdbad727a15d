import { nextTurn } from "../../jobs/next-turn.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { Projection } from "./projection.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Change } from "./tree-edit.ts";
import { diffTrees } from "./tree-walk.ts";

/** Files handed over at once; bounds the memory that catching up needs. */
const CHUNK = 1000;

/** How long files are read before the event loop turns once, for signals and requests to end (ms). */
const TURN_MS = 10;

export interface CatchUpOptions {
  /** Is told how many files the projection has taken in. */
  readonly report?: ((files: number) => void) | undefined;
  /** Ends it early; what the projection was told already, it is told again the next time. */
  readonly signal?: AbortSignal | undefined;
}

/** Tells `projection` what differs between the commit it stands for and `head`. Rejects with the signal's reason. */
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

/** What cannot be read for now is no reason to forget anything: that rejects. */
async function knownTree(projection: Projection, reader: ObjectReader): Promise<ObjectId | undefined> {
  const known = projection.head && (await reader.storedCommit(projection.head));
  if (known) return known.tree;
  // It was told a part at most; or stock git rewrote the history and dropped the commit, and what is known belongs to
  // nothing any more.
  projection.reset();
  return undefined;
}
