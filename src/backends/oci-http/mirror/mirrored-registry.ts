import type { RegistryClient } from "../../../registry/client/registry-client.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { placeFor, type UpstreamPlace } from "../settings/upstream-places.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { Author } from "../store/store-changes.ts";
import type { UpstreamHealth } from "./upstream-health.ts";

/** Another registry, for the repositories below a prefix. */
export interface UpstreamRoute extends Pick<UpstreamPlace, "prefix" | "checkMs" | "waitMs"> {
  readonly upstream: RegistryClient;
  readonly health: UpstreamHealth;
}

/** A registry that gets content from others, on the thread that owns its store. */
export interface MirroredRegistry {
  readonly config: InstanceConfig;
  readonly oci: OciStore;
  readonly routes: readonly UpstreamRoute[];
}

/** A repository as upstream has it. */
export interface UpstreamRepository extends UpstreamRoute {
  readonly name: RepositoryName;
}

/** Content of a repository of a mirror that upstream is asked for. */
export interface UpstreamRequest {
  readonly registry: MirroredRegistry;
  readonly repository: RepositoryName;
  readonly from: UpstreamRepository;
  readonly health: UpstreamHealth;
  /** By whom what is fetched is committed. */
  readonly author: Author;
}

/** Where the content of a repository comes from: by the longest prefix; `undefined`: it has no upstream. */
export function upstreamOf(
  routes: readonly UpstreamRoute[],
  repository: RepositoryName,
): UpstreamRepository | undefined {
  const route = placeFor(routes, repository);
  if (!route) return undefined;
  const { prefix } = route;
  const name = prefix === "" ? repository : (repository.slice(prefix.length + 1) as RepositoryName);
  return { ...route, name };
}
