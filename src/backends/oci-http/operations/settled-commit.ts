import { damageIn } from "../../../primitives/sqlite/database-damage.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { ContentServices } from "./registry-access.ts";

/** The newest commit of a registry's store; `undefined`: none. Rejects with `OutOfServiceError`. */
export async function newestCommit(
  { instances }: ContentServices,
  instance: InstanceName,
): Promise<ObjectId | undefined> {
  const oci = instances.storeOf(instance);
  await oci.refresh();
  return oci.store.head().commitId;
}

/** Whether the history and the summaries are up to date with this commit, so that what is read of it now is all there is. */
export function isSettled(
  { instances }: ContentServices,
  instance: InstanceName,
  commit: ObjectId | undefined,
): boolean {
  const { store, history, summaries } = instances.storeOf(instance);
  if (commit === undefined || store.head().commitId !== commit || history.trouble) return false;
  try {
    return history.head === commit && summaries.head === commit;
  } catch (error) {
    // The next query of a page rebuilds what is damaged.
    if (damageIn(error) === undefined) throw error;
    return false;
  }
}
