import { existsSync } from "node:fs";
import { readJournal, recordsAfter } from "./commit-journal.ts";
import { JOURNAL } from "./journaled-branch.ts";
import { LocalRefs } from "./local-refs.ts";
import { MAIN_REF } from "./repository.ts";

/**
 * Whether a store that nobody has open holds commits that have not come to its branch yet, as a killed server leaves them.
 * Rejects with `CorruptObjectError` where the journal is damaged.
 */
export async function hasUnseenCommits(dir: string): Promise<boolean> {
  const path = `${dir}/${JOURNAL}`;
  if (!existsSync(path)) return false;
  const unseen = recordsAfter(await new LocalRefs(dir).read(MAIN_REF), readJournal(path));
  return unseen === undefined || unseen.length > 0;
}
