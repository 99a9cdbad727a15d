import { newestPlace } from "../history/event-pages.ts";
import { seqOf } from "../history/tag-sets.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { caughtUp } from "./caught-up.ts";
import { type Moment, stateAt } from "./moment.ts";
import { type ContentServices, configOf } from "./registry-access.ts";

/**
 * The place in the history of the last commit that a registry shows, of all or as of a moment; 0: none. Rejects as `stateAt`
 * does. The history has caught up afterwards.
 */
export async function lastPlace(
  services: ContentServices,
  instance: InstanceName,
  at: Moment | undefined,
): Promise<number> {
  const { at: until } = configOf(services, instance);
  const oci = services.instances.storeOf(instance);
  await caughtUp(services, instance);
  if (at === undefined && until === undefined) return newestPlace(oci.history);
  const commit = at === undefined ? until : await stateAt(oci, at, until);
  return commit === undefined ? 0 : (seqOf(oci.history, commit) ?? 0);
}
