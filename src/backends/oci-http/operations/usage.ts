import { type Actor, requireAdministrator } from "../../actor.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { measureRepositories, type RepositoryUsage } from "../store/measure-repositories.ts";
import { type ContentServices, configOf, servedBy } from "./registry-access.ts";

export type { RepositoryUsage };

export interface RepositoryUse extends RepositoryUsage {
  /** The hour of the last pull of anything in it; `undefined`: unknown. */
  readonly pulled: Date | undefined;
}

export interface RegistryUsage {
  /** The largest repositories, the largest first. */
  readonly repositories: readonly RepositoryUse[];
  /** How many there are. */
  readonly total: number;
  /** The other registries that share the store, whose content this is too. */
  readonly sharedWith: readonly InstanceName[];
}

export interface UsageRequest {
  readonly instance: InstanceName;
  /** Most repositories that are listed. */
  readonly limit: number;
}

/**
 * Measures the repositories of a registry, in short slices; for administrators, as it counts what other users may not see.
 */
export async function readUsage(
  services: ContentServices,
  actor: Actor,
  { instance, limit }: UsageRequest,
): Promise<RegistryUsage> {
  requireAdministrator(actor);
  const { store } = configOf(services, instance);
  const { oci, view } = await servedBy(services, instance);
  const measured = await measureRepositories(oci.blobs, view.index);
  await oci.pulls.refreshShown();
  const others = services.instances
    .list()
    .filter((other) => other.store === store && other.name !== instance);
  return {
    repositories: measured
      .slice(0, limit)
      .map((usage) => ({ ...usage, pulled: oci.pulls.shown(usage.repository) })),
    total: measured.length,
    sharedWith: others.map(({ name }) => name),
  };
}
