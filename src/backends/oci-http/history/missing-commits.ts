import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";

interface Missing {
  /** Newest first. */
  readonly missing: readonly ObjectId[];
  /** Whether `last` is among the store's commits. */
  readonly isKnown: boolean;
}

/** The commits after `last`, or all if it is not on the branch. Ends early once `step` resolves to false. */
export async function missingCommits(
  store: Pick<Store, "head" | "commitAt">,
  last: ObjectId | undefined,
  step: () => Promise<boolean>,
): Promise<Missing> {
  const missing: ObjectId[] = [];
  for (let id = store.head().commitId; id; ) {
    if (id === last) return { missing, isKnown: true };
    missing.push(id);
    if (!(await step())) break;
    id = (await store.commitAt(id)).parents[0];
  }
  return { missing, isKnown: false };
}
