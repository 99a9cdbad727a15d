import { WaitBudget } from "../../../primitives/jobs/wait-budget.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { meantHint } from "../../../primitives/text/nearest.ts";
import type { AccessPath } from "../../../primitives/users/access-path.ts";
import type { Role } from "../../../primitives/users/role.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { NotAllowedError, NotFoundError } from "../../refusals.ts";
import type { InstanceRegistry } from "../instances/instance-registry.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { StoreView } from "../store/store-view.ts";

/** The services that operations on the content of a registry use. */
export interface ContentServices {
  readonly instances: Pick<InstanceRegistry, "list" | "storeOf">;
  /** Shared by all operations of one request; `undefined`: each has its own. */
  readonly waits?: WaitBudget | undefined;
}

/** How long a page waits in all for what was pushed just now (ms); it then shows what is known. */
const REQUEST_WAIT_MS = 50;

/** The waits of one request. */
export function requestWaits(): WaitBudget {
  return new WaitBudget(REQUEST_WAIT_MS);
}

interface KnownRegistries {
  readonly instances: Pick<InstanceRegistry, "list">;
}

/** Throws `NotFoundError`. */
export function configOf({ instances }: KnownRegistries, name: InstanceName): InstanceConfig {
  const registries = instances.list();
  const config = registries.find((candidate) => candidate.name === name);
  if (config) return config;
  const names = registries.map((known) => known.name);
  throw new NotFoundError(`no registry '${name}'`, { hint: meantHint(name, names) });
}

/** The part of a store that a registry serves. */
export interface Served {
  readonly oci: OciStore;
  /** The newest state or a past one. */
  readonly view: StoreView;
  /** The last commit that the registry shows; `undefined`: all commits. */
  readonly until: ObjectId | undefined;
}

/** Rejects with `NotFoundError`, or with `InstanceChangeError` if the registry is out of service. */
export async function servedBy(services: ContentServices, name: InstanceName): Promise<Served> {
  const { at: until } = configOf(services, name);
  const oci = services.instances.storeOf(name);
  return { oci, until, view: until === undefined ? oci : (await oci.frozenAt(until)).view };
}

/** Whether the actor holds `role` in a repository, by the same rule as over HTTP. */
export function holdsRole(
  actor: Actor,
  instance: InstanceName,
  repository: RepositoryName,
  role: Role,
): boolean {
  return actor.allows(`http/oci/${instance}/${repository}` as AccessPath, role);
}

/** Throws `NotAllowedError`, the same for a repository that does not exist. */
export function requireReader(actor: Actor, instance: InstanceName, repository: RepositoryName): void {
  if (!holdsRole(actor, instance, repository, "reader"))
    throw new NotAllowedError(`no repository '${repository}' in '${instance}' that you may read`);
}
