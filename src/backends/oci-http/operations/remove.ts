import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { NotAllowedError, NotFoundError } from "../../refusals.ts";
import { type ContentCounts, formatEvent, type StoreEvent } from "../content/store-event.ts";
import { tagTarget } from "../content/tag-target.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import { changeable, MovedMeanwhileError, requireRoleIn } from "./change-rights.ts";
import { type ContentServices, configOf, holdsRole } from "./registry-access.ts";
import {
  hasMoved,
  isTaggedMeanwhile,
  planRemoval,
  type RepositoryRemoval,
  removalChanges,
} from "./remove-plan.ts";
import { type Selection, selectedNames, selectsRepository } from "./selection.ts";

export interface RemovalRequest {
  readonly instance: InstanceName;
  readonly selection: Selection;
}

/** A tag that would be deleted. */
export interface RemovedTag {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly digest: Digest | undefined;
}

/** The effect of a deletion, to be shown before it is carried out. */
export interface RemovalProposal extends RemovalRequest {
  readonly counts: ContentCounts;
  /** The first tags that are deleted. */
  readonly tags: readonly RemovedTag[];
  /** The first manifests that are deleted. */
  readonly manifests: readonly { readonly repository: RepositoryName; readonly digest: Digest }[];
  /** Manifests that stay and lose their last tag: a tag is deleted without its manifest, as over HTTP. */
  readonly untagged: number;
  /** The store that was read, and its state. */
  readonly store: StoreName;
  readonly state: Snapshot;
  readonly plan: readonly RepositoryRemoval[];
}

export interface RemovalRecord {
  readonly commit: ObjectId;
  /** The commit before it, to which a restore can return. */
  readonly before: ObjectId;
}

/** Most tags and manifests that a proposal lists. */
const MAX_LISTED = 100;

/**
 * Plans the deletion of tags, a manifest or repositories. Repositories that the actor may not read do not count as selected.
 * Refuses everything if the actor lacks delete access to one of the others, the registry is read-only or a tag is write-once.
 */
export async function proposeRemoval(
  services: ContentServices,
  actor: Actor,
  { instance, selection }: RemovalRequest,
): Promise<RemovalProposal> {
  const config = changeable(configOf(services, instance), actor);
  const oci = services.instances.storeOf(instance);
  const state = oci.store.head();
  const { repository: named } = selection;
  if (named) requireRoleIn(actor, config, [named], DELETING);
  const plan: RepositoryRemoval[] = [];
  for (const repository of named ? [named] : readableRepositories(oci, actor, config, selection)) {
    const removal = await planRemoval(oci, state, repository, selection.part);
    if (removal.tags.length + removal.manifests.length > 0) plan.push(removal);
  }
  if (plan.length === 0) throw new NotFoundError(`nothing in '${instance}' matches '${selection.text}'`);
  refuse(actor, config, plan);
  const tags: RemovedTag[] = [];
  for (const { repository, tag } of first(plan, (removal) => removal.tags))
    tags.push({ repository, tag: tag.tag, digest: await tagTarget(state, repository, tag.tag) });
  const manifests = first(plan, (removal) => removal.manifests).map(({ repository, tag: digest }) => ({
    repository,
    digest,
  }));
  const counts = {
    repositories: plan.length,
    tags: plan.reduce((sum, removal) => sum + removal.tags.length, 0),
    manifests: plan.reduce((sum, removal) => sum + removal.manifests.length, 0),
  };
  const untagged = selection.part.kind === "tags" ? await countUntagged(oci, plan) : 0;
  return { instance, selection, counts, tags, manifests, untagged, store: config.store, state, plan };
}

/**
 * Carries out a proposal as one commit of the actor; rights and settings are checked again. Rejects with
 * `MovedMeanwhileError` if something that it deletes has changed.
 */
export async function carryOutRemoval(
  services: ContentServices,
  actor: Actor,
  proposal: RemovalProposal,
): Promise<RemovalRecord> {
  const { instance, plan, state } = proposal;
  const oci = services.instances.storeOf(instance);
  let before: ObjectId | undefined;
  const { commitId, changed } = await oci.store.transact(async (parent) => {
    const config = changeable(configOf(services, instance), actor);
    if (config.store !== proposal.store)
      throw new MovedMeanwhileError(`nothing was changed: '${instance}' has another store now`);
    refuse(actor, config, plan);
    for (const removal of plan) {
      if ((await hasMoved(removal, state, parent)) || (await isTaggedMeanwhile(oci, removal, state, parent)))
        throw new MovedMeanwhileError(`nothing was changed: '${removal.repository}' has changed meanwhile`);
    }
    before = parent.commitId;
    const message = formatEvent(eventOf(proposal, actor));
    return { ...removalChanges(plan), author: actor.identity, message };
  });
  if (!changed || !commitId || !before)
    throw new MovedMeanwhileError("nothing was changed: all of it was deleted meanwhile");
  return { commit: commitId, before };
}

const DELETING = { role: "owner", what: "deleting" } as const;

function* readableRepositories(
  { index }: OciStore,
  actor: Actor,
  { name }: InstanceConfig,
  selection: Selection,
): Generator<RepositoryName> {
  for (const repository of index.repositoriesAfter("", undefined, selectedNames(selection))) {
    if (selectsRepository(selection, repository) && holdsRole(actor, name, repository, "reader"))
      yield repository;
  }
}

/** Throws `NotAllowedError`, also for a write-once tag. */
function refuse(actor: Actor, config: InstanceConfig, plan: readonly RepositoryRemoval[]): void {
  const repositories = plan.map(({ repository }) => repository);
  requireRoleIn(actor, config, repositories, DELETING);
  if (config.immutable.length === 0) return;
  for (const { repository, tags } of plan) {
    const fixed = tags.find(({ tag }) => isImmutable(tag, config.immutable));
    if (fixed)
      throw new NotAllowedError(
        `nothing was changed: '${repository}:${fixed.tag}' is write-once (immutable=)`,
      );
  }
}

function first<T>(
  plan: readonly RepositoryRemoval[],
  itemsOf: (removal: RepositoryRemoval) => readonly T[],
): { readonly repository: RepositoryName; readonly tag: T }[] {
  const listed: { readonly repository: RepositoryName; readonly tag: T }[] = [];
  for (const removal of plan) {
    const left = MAX_LISTED - listed.length;
    for (const tag of itemsOf(removal).slice(0, left)) listed.push({ repository: removal.repository, tag });
  }
  return listed;
}

async function countUntagged(
  { index }: Pick<OciStore, "index">,
  plan: readonly RepositoryRemoval[],
): Promise<number> {
  const pace = new Pace(1);
  let untagged = 0;
  for (const { repository, tags } of plan) {
    // Tags with the same file name the same manifest.
    const named = new Map<ObjectId, { readonly tag: Tag; count: number }>();
    for (const { tag, fileId } of tags) {
      const known = named.get(fileId);
      if (known) known.count++;
      else named.set(fileId, { tag, count: 1 });
    }
    const removed = new Map<Digest, number>();
    for (const { tag, count } of named.values()) {
      await pace.rest();
      const digest = index.tagDigest(repository, tag);
      if (digest) removed.set(digest, (removed.get(digest) ?? 0) + count);
    }
    for (const [digest, count] of removed) {
      await pace.rest();
      if (
        index.hasManifest(repository, digest) &&
        index.manifestTags.count(repository, digest, count + 1) <= count
      )
        untagged++;
    }
  }
  return untagged;
}

/** One tag, or one manifest, has the event that its deletion over HTTP has. */
function eventOf({ selection, plan, tags, counts }: RemovalProposal, actor: Actor): StoreEvent {
  const origin = { client: actor.client, remote: actor.remote ?? "" };
  const [only] = plan.length === 1 ? plan : [];
  const { part } = selection;
  if (only && part.kind === "manifest") {
    const { repository } = only;
    return { kind: "delete", repository, digest: part.digest, tags: only.tags, byDigest: true, origin };
  }
  const [tag] = tags;
  if (only && tag?.digest && part.kind === "tags" && only.tags.length === 1) {
    const { repository, digest } = tag;
    return { kind: "delete", repository, digest, tags: [{ tag: tag.tag }], byDigest: false, origin };
  }
  return {
    kind: "remove",
    repository: only?.repository,
    selection: selection.text,
    tags: tags.map(({ tag: name, digest: previous }) => ({ tag: name, previous })),
    counts,
    origin,
  };
}
