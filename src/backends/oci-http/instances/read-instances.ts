import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import {
  checkTogether,
  INSTANCES_PATH,
  type InstanceConfig,
  InvalidInstancesError,
  parseInstances,
  SYSTEM_STORE,
} from "../settings/instance-config.ts";
import { InstanceChangeError } from "./existing-instance.ts";

/** Adds the settings of the command line to the stored instances (`undefined`: none were stored yet). */
export type CompleteInstances = (stored: readonly InstanceConfig[] | undefined) => readonly InstanceConfig[];

/** The configured instances at a commit. Rejects with `InstanceChangeError` if they are invalid. */
export async function readInstances(
  snapshot: Snapshot,
  complete: CompleteInstances,
): Promise<readonly InstanceConfig[]> {
  const bytes = await snapshot.read(INSTANCES_PATH);
  try {
    const configs = complete(bytes && parseInstances(bytes));
    checkTogether(configs);
    return configs;
  } catch (error) {
    if (!(error instanceof InvalidInstancesError)) throw error;
    throw new InstanceChangeError(`${INSTANCES_PATH} in the store ${SYSTEM_STORE}: ${error.message}`, {
      kind: "unusable",
    });
  }
}
