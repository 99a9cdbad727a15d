import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { ExistsError, InvalidArgumentError, NotAllowedError, NotFoundError } from "../../refusals.ts";
import { manifestsPrefix, tagsPrefix } from "../content/layout.ts";
import { formatEvent, type TagMove } from "../content/store-event.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { quotasOf } from "../store/instance-policy.ts";
import type { OciStore } from "../store/oci-store.ts";
import { changeable, MovedMeanwhileError, requireRoleIn } from "./change-rights.ts";
import { type ContentServices, configOf, requireReader } from "./registry-access.ts";
import { directoriesOf, hasMoved, planRemoval, type RepositoryRemoval } from "./remove-plan.ts";

export interface CopyRequest {
  readonly instance: InstanceName;
  readonly from: RepositoryName;
  /** Must hold nothing. */
  readonly to: RepositoryName;
  /** Whether the old name is given up. */
  readonly kind: "copy" | "rename";
}

export interface CopyRecord {
  readonly commit: ObjectId;
  readonly tags: number;
  readonly manifests: number;
}

/** Most tags that the commit's message lists. */
const MAX_LISTED = 100;

/**
 * Gives a repository's tags and manifests to a new one, with their referrers, as one commit of the actor; no bytes are moved. It
 * requires pull access to the one and push access to the other; a rename also requires delete access to the old name.
 */
export async function copyRepository(
  services: ContentServices,
  actor: Actor,
  request: CopyRequest,
): Promise<CopyRecord> {
  const { instance, from, to, kind } = request;
  if (from === to) throw new InvalidArgumentError(`'${to}' is the repository itself`);
  const config = changeable(configOf(services, instance), actor);
  requireReader(actor, instance, from);
  requireRoles(actor, config, request);
  const oci = services.instances.storeOf(instance);
  const state = oci.store.head();
  const source = await planRemoval(oci, state, from, { kind: "repository" });
  if (source.tags.length + source.manifests.length === 0)
    throw new NotFoundError(`no repository '${from}' in '${instance}'`);
  await requireEmpty(state, to);
  await requireQuota(oci, config, request);
  await linkBlobs(oci, request);
  const tags = source.tags.slice(0, MAX_LISTED).map(({ tag }): TagMove => ({ tag }));
  const counts = { repositories: 1, tags: source.tags.length, manifests: source.manifests.length };
  const { commitId } = await oci.store.transact(async (parent) => {
    const now = changeable(configOf(services, instance), actor);
    requireRoles(actor, now, request);
    if (now.store !== config.store || (await hasMoved(source, state, parent)))
      throw new MovedMeanwhileError(`nothing was changed: '${from}' has changed meanwhile`);
    await requireEmpty(parent, to);
    if (kind === "rename") requireMovable(source, now);
    const origin = { client: actor.client, remote: actor.remote ?? "" };
    const trees = [tagsPrefix(from), manifestsPrefix(from)].map((prefix) =>
      parent.entryId(prefix.slice(0, -1)),
    );
    const [tagTree = null, manifestTree = null] = await Promise.all(trees);
    const added = directoriesOf(to, tagTree, manifestTree);
    return {
      changes: [],
      directories: kind === "rename" ? [...added, ...directoriesOf(from, null, null)] : added,
      author: actor.identity,
      message: formatEvent({ kind, from, repository: to, tags, counts, origin }),
    };
  });
  if (!commitId) throw new Error("a copy made no commit");
  return { commit: commitId, tags: counts.tags, manifests: counts.manifests };
}

function requireRoles(actor: Actor, config: InstanceConfig, { from, to, kind }: CopyRequest): void {
  if (kind === "rename") requireRoleIn(actor, config, [from], { role: "owner", what: "renaming" });
  requireRoleIn(actor, config, [to], { role: "writer", what: kind === "rename" ? "renaming" : "copying" });
}

/** A rename deletes the tags of the old name. */
function requireMovable({ repository, tags }: RepositoryRemoval, { immutable }: InstanceConfig): void {
  const fixed = immutable.length > 0 && tags.find(({ tag }) => isImmutable(tag, immutable));
  if (fixed)
    throw new NotAllowedError(`nothing was changed: '${repository}:${fixed.tag}' is write-once (immutable=)`);
}

async function requireEmpty(state: Snapshot, repository: RepositoryName): Promise<void> {
  for (const prefix of [tagsPrefix(repository), manifestsPrefix(repository)]) {
    if (await state.entryId(prefix.slice(0, -1)))
      throw new ExistsError(`the repository '${repository}' exists already`);
  }
}

async function requireQuota(
  oci: OciStore,
  config: InstanceConfig,
  { from, to, kind }: CopyRequest,
): Promise<void> {
  const quotas = quotasOf(oci, config);
  const copies = kind === "copy" ? 1 : 0;
  const reason = quotas && (await oci.quotaLedger.refuseCopy({ from, to, copies }, quotas));
  if (reason !== undefined) throw new NotAllowedError(`nothing was changed: ${reason}`);
}

/** Blobs that belong to a repository without being config or layer, such as non-distributable layers that were pushed. */
async function linkBlobs({ links, index }: OciStore, { from, to }: CopyRequest): Promise<void> {
  const linked = await links.blobsOf(from);
  const needed = linked.filter((blob) => index.names(from, blob) && !index.refersToBlob(from, blob));
  await Promise.all(needed.map((blob) => links.add(to, blob)));
}
