import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type Actor, requireAdministrator } from "../../actor.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { type ContentServices, configOf, servedBy } from "./registry-access.ts";

/** What one repository uses: configs and layers that its manifests name, each once, and the manifests. */
export interface UsageRecord {
  readonly repository: RepositoryName;
  /** Bytes of blobs that no other repository of the store names: what a deletion of this one frees in the end. */
  readonly ownBytes: number;
  /** Bytes of blobs that other repositories of the store name too. */
  readonly sharedBytes: number;
  readonly manifestBytes: number;
  readonly tags: number;
  readonly manifests: number;
}

export interface RegistryUsage {
  /** The largest repositories, the largest first. */
  readonly repositories: readonly UsageRecord[];
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
 * Measures the repositories of a registry, in short slices; for administrators, as it counts what other users may not see. It
 * looks up the size of each blob once.
 */
export async function readUsage(
  services: ContentServices,
  actor: Actor,
  { instance, limit }: UsageRequest,
): Promise<RegistryUsage> {
  requireAdministrator(actor);
  const { store } = configOf(services, instance);
  const { oci, view } = await servedBy(services, instance);
  const pace = new Pace(1);
  const bytes = new Map<number, { own: number; shared: number }>();
  for (const { blob, repositories } of view.index.blobUsers.blobs()) {
    await pace.rest();
    const size = (await oci.blobs.stat(blob))?.size ?? 0;
    for (const id of repositories) {
      const use = bytes.get(id) ?? { own: 0, shared: 0 };
      bytes.set(id, use);
      if (repositories.length === 1) use.own += size;
      else use.shared += size;
    }
  }
  const measured: UsageRecord[] = [];
  for (const { id, ...counts } of view.index.blobUsers.repositories()) {
    await pace.rest();
    const { own: ownBytes = 0, shared: sharedBytes = 0 } = bytes.get(id) ?? {};
    const { repository, manifestBytes, tags, manifests } = counts;
    measured.push({ repository, ownBytes, sharedBytes, manifestBytes, tags, manifests });
  }
  measured.sort((a, b) => sizeOf(b) - sizeOf(a) || (a.repository < b.repository ? -1 : 1));
  const others = services.instances
    .list()
    .filter((other) => other.store === store && other.name !== instance);
  return {
    repositories: measured.slice(0, limit),
    total: measured.length,
    sharedWith: others.map(({ name }) => name),
  };
}

function sizeOf({ ownBytes, sharedBytes, manifestBytes }: UsageRecord): number {
  return ownBytes + sharedBytes + manifestBytes;
}
