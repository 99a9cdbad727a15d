import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { UpstreamRequest } from "./mirrored-registry.ts";

/**
 * Whether a tag was set by a user of this registry, which counts before upstream where clients may push, or could before a
 * proxy was set.
 */
export async function isOwnPush({ registry, repository, from }: UpstreamRequest, tag: Tag): Promise<boolean> {
  if (registry.config.upstreamMode !== "fallback" && from.prefix === "") return false;
  return isOwnTag(registry.oci, repository, tag);
}

/** Whether a tag was last set by a user of this registry, and not to what upstream has. */
export async function isOwnTag(oci: OciStore, repository: RepositoryName, tag: Tag): Promise<boolean> {
  const last = await oci.history.lastEvent(repository, tag);
  return last !== undefined && !last.subject.startsWith("mirror ");
}
