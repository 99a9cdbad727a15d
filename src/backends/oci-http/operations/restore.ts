import type { Digest } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { ConflictError, FrozenError, NotAllowedError, NotFoundError } from "../../refusals.ts";
import { tagTarget } from "../content/tag-target.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import { commitAt, type Moment } from "./moment.ts";
import { type ContentServices, configOf, holdsRole } from "./registry-access.ts";
import {
  deletesTags,
  missingFrom,
  planRestore,
  planRestoreAll,
  type RestorePlan,
  type RestoreRefusal,
  type RestoreTerms,
  restore,
  type TagRestore,
} from "./restore-plan.ts";

export type { TagRestore } from "./restore-plan.ts";

/** What is restored: everything, all tags of a repository, or one tag. */
export type RestoreTarget =
  | { readonly kind: "everything" }
  | { readonly kind: "repository"; readonly repository: RepositoryName }
  | { readonly kind: "tag"; readonly repository: RepositoryName; readonly tag: Tag };

export interface RestoreRequest {
  readonly instance: InstanceName;
  readonly target: RestoreTarget;
  /** The state to restore. */
  readonly moment: Moment;
}

/** The effect of a restore, to be shown before it is carried out. */
export interface RestoreProposal {
  readonly instance: InstanceName;
  /** The commit whose state is restored. */
  readonly from: ObjectId;
  /** The tags that differ. */
  readonly moves: readonly TagRestore[];
  /** The store that was read; `carryOutRestore` needs it. */
  readonly store: StoreName;
  readonly plan: RestorePlan;
}

/** A tag has moved between the proposal and the commit. */
export class MovedMeanwhileError extends ConflictError {
  override readonly name = "MovedMeanwhileError";
}

/** Most digests that a refusal lists. */
const MAX_NAMED = 20;
/** Hex digits of a commit in messages. */
const SHORT_COMMIT_HEX = 12;

/**
 * Plans a restore. Refuses it if the actor lacks push access (delete access if tags are deleted, administrator for
 * everything), the registry is frozen, a tag is write-once, or content is no longer stored.
 */
export async function proposeRestore(
  services: ContentServices,
  actor: Actor,
  { instance, target, moment }: RestoreRequest,
): Promise<RestoreProposal> {
  const { store } = refuseFrozen(configOf(services, instance));
  const oci = services.instances.storeOf(instance);
  if (target.kind === "everything") requireAdministrator(actor);
  else requireRole(actor, instance, target.repository, "writer");
  const from = await commitAt(oci, moment);
  if (target.kind === "tag") await requireTag(oci, target, from);
  const plan = await planOf(oci, target, from);
  const { moves } = plan;
  const proposal = { instance, from, moves, store, plan };
  if (moves.length === 0) return proposal;
  const terms = termsOf(services, actor, proposal);
  const fixed = moves.find(({ before, tag }) => before && isImmutable(tag, terms.immutable));
  if (fixed) throw refusalOf({ kind: "immutable", move: fixed });
  const digests = await missingFrom(oci, plan, terms);
  if (digests.length > 0) throw refusalOf({ kind: "missing", digests });
  return proposal;
}

/** Carries out a proposal as one commit of the actor; rights and settings are checked again. */
export async function carryOutRestore(
  services: ContentServices,
  actor: Actor,
  proposal: RestoreProposal,
): Promise<void> {
  const oci = services.instances.storeOf(proposal.instance);
  const refusal = await restore(oci, proposal.plan, actor, () => termsOf(services, actor, proposal));
  if (refusal) throw refusalOf(refusal);
}

async function requireTag(
  { store }: OciStore,
  { repository, tag }: Extract<RestoreTarget, { kind: "tag" }>,
  from: ObjectId,
): Promise<void> {
  if (await tagTarget(await store.at(from), repository, tag)) return;
  const short = from.slice(0, SHORT_COMMIT_HEX);
  throw new NotFoundError(`there was no tag '${repository}:${tag}' at ${short}`);
}

function planOf(oci: OciStore, target: RestoreTarget, from: ObjectId): Promise<RestorePlan> {
  if (target.kind === "everything") return planRestoreAll(oci, from);
  return planRestore(oci, target.repository, target.kind === "tag" ? target.tag : undefined, from);
}

/** The current settings for a plan. Throws if the actor may no longer carry it out. */
function termsOf(
  services: ContentServices,
  actor: Actor,
  { instance, plan, store }: Pick<RestoreProposal, "instance" | "plan" | "store">,
): RestoreTerms {
  const config = refuseFrozen(configOf(services, instance));
  if (config.store !== store)
    throw new MovedMeanwhileError(`nothing was changed: '${instance}' has another store now`);
  if (plan.repository) requireRole(actor, instance, plan.repository, deletesTags(plan) ? "owner" : "writer");
  else requireAdministrator(actor);
  return { immutable: config.immutable, isSparse: config.references === "sparse" };
}

function refuseFrozen(config: InstanceConfig): InstanceConfig {
  if (config.at) throw new FrozenError(`'${config.name}' serves a past state and is read-only`);
  return config;
}

function requireAdministrator(actor: Actor): void {
  if (!actor.isAdministrator())
    throw new NotAllowedError(`restoring all requires a system administrator, which '${actor.user}' is not`);
}

function requireRole(
  actor: Actor,
  instance: InstanceName,
  repository: RepositoryName,
  role: "writer" | "owner",
): void {
  if (holdsRole(actor, instance, repository, role)) return;
  const access = role === "owner" ? "deletes tags and requires delete access" : "requires push access";
  throw new NotAllowedError(`restoring ${access} to '${repository}', which '${actor.user}' has not`);
}

function refusalOf(refusal: RestoreRefusal): ConflictError {
  switch (refusal.kind) {
    case "missing":
      return new ConflictError(`nothing was changed: the store no longer has ${listOf(refusal.digests)}`);
    case "immutable": {
      const { repository, tag, before } = refusal.move;
      return new ConflictError(
        `'${repository}:${tag}' is write-once and stands for ${before}; delete it first`,
      );
    }
    case "moved": {
      const { repository, tag } = refusal.move;
      return new MovedMeanwhileError(`nothing was changed: '${repository}:${tag}' has moved meanwhile`);
    }
  }
}

function listOf(digests: readonly Digest[]): string {
  const more = digests.length > MAX_NAMED ? ` and ${digests.length - MAX_NAMED} more` : "";
  return `${digests.slice(0, MAX_NAMED).join(", ")}${more}`;
}
