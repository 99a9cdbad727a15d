import type { Digest } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { ConflictError, NotAllowedError, NotFoundError } from "../../refusals.ts";
import { parseOciPath } from "../content/layout.ts";
import { tagTarget } from "../content/tag-target.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import { type InstanceName, mayLackBlobs } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import { movesThatNeed } from "./blocked-moves.ts";
import { changeable, MovedMeanwhileError } from "./change-rights.ts";
import { type Moment, stateAt } from "./moment.ts";
import { type ContentServices, configOf, holdsRole } from "./registry-access.ts";
import {
  missingFrom,
  planRestore,
  planRestoreAll,
  type RestorePlan,
  type RestoreRecord,
  type RestoreRefusal,
  type RestoreTerms,
  restore,
  type TagRestore,
} from "./restore-plan.ts";
import { requireSeen } from "./seen-moment.ts";
import { namedTags, type Selection, selectsRepository } from "./selection.ts";

export { MovedMeanwhileError } from "./change-rights.ts";
export type { RestoreRecord, TagRestore } from "./restore-plan.ts";

/** What is restored: everything, all tags of a repository, or one tag. */
export type RestoreTarget =
  | { readonly kind: "everything" }
  | { readonly kind: "repository"; readonly repository: RepositoryName }
  | { readonly kind: "tag"; readonly repository: RepositoryName; readonly tag: Tag }
  /** What a pattern selects, or a manifest with the tags that named it. */
  | { readonly kind: "selection"; readonly selection: Selection };

export interface RestoreRequest {
  readonly instance: InstanceName;
  readonly target: RestoreTarget;
  /** The state to restore. */
  readonly moment: Moment;
}

/** The effect of a restore, to be shown before it is carried out. */
export interface RestoreProposal {
  readonly instance: InstanceName;
  /** The commit whose state is restored; `undefined`: the empty state before the first one. */
  readonly from: ObjectId | undefined;
  /** The tags that differ. */
  readonly moves: readonly TagRestore[];
  /** How many manifests are restored that none of these tags needs. */
  readonly untagged: number;
  /** The store that was read; `carryOutRestore` needs it. */
  readonly store: StoreName;
  readonly plan: RestorePlan;
}

/** A proposal with what stands in its way. */
export interface RestorePreview {
  readonly proposal: RestoreProposal;
  /** `undefined`: it can be carried out. */
  readonly obstacle: RestoreObstacle | undefined;
}

/** Why nothing of a proposal can be carried out. */
export interface RestoreObstacle {
  readonly reason: ConflictError | NotAllowedError;
  /** The tags that it concerns; the others could be restored without them. */
  readonly moves: readonly TagRestore[];
}

/** The target that a selection means: a tag, a repository, or what a pattern matches. */
export function restoreTargetOf(selection: Selection): RestoreTarget {
  const { repository, part } = selection;
  if (repository && part.kind === "repository") return { kind: "repository", repository };
  const [tag, ...more] = part.kind === "tags" ? (namedTags(part.patterns) ?? []) : [];
  return repository && tag && more.length === 0
    ? { kind: "tag", repository, tag }
    : { kind: "selection", selection };
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
  request: RestoreRequest,
): Promise<RestoreProposal> {
  const { proposal, obstacle } = await previewRestore(services, actor, request);
  if (obstacle) throw obstacle.reason;
  return proposal;
}

/** Like `proposeRestore`, but write-once tags and content that is no longer stored are returned beside the proposal. */
export async function previewRestore(
  services: ContentServices,
  actor: Actor,
  { instance, target, moment }: RestoreRequest,
): Promise<RestorePreview> {
  const { store } = changeable(configOf(services, instance), actor);
  const oci = services.instances.storeOf(instance);
  if (target.kind === "everything") requireAdministrator(actor);
  else if (target.kind !== "selection") requireRole(actor, instance, target.repository, "writer");
  await requireSeen(services, actor, { instance, moment });
  const from = await stateAt(oci, moment);
  if (target.kind === "tag") await requireTag(oci, target, { from, moment });
  const plan = await planOf(oci, target, from, (name) => holdsRole(actor, instance, name, "reader"));
  const { moves, untagged } = plan;
  const proposal = { instance, from, moves, untagged, store, plan };
  if (moves.length === 0 && plan.untagged === 0) return { proposal, obstacle: undefined };
  return { proposal, obstacle: await obstacleTo(services, actor, proposal) };
}

/** Throws `NotAllowedError` if the actor may not carry out a proposal. */
export async function obstacleTo(
  services: ContentServices,
  actor: Actor,
  proposal: Pick<RestoreProposal, "instance" | "plan" | "store">,
): Promise<RestoreObstacle | undefined> {
  const { instance, plan } = proposal;
  const terms = termsOf(services, actor, proposal);
  const fixed = plan.moves.filter(({ before, tag }) => before && isImmutable(tag, terms.immutable));
  const [move] = fixed;
  if (move) return { reason: refusalOf({ kind: "immutable", move }), moves: fixed };
  const digests = await missingFrom(services.instances.storeOf(instance), plan, terms);
  if (digests.length === 0) return undefined;
  return {
    reason: refusalOf({ kind: "missing", digests }),
    moves: await movesThatNeed(plan, new Set(digests)),
  };
}

/** Carries out a proposal as one commit of the actor; rights and settings are checked again. */
export async function carryOutRestore(
  services: ContentServices,
  actor: Actor,
  proposal: Pick<RestoreProposal, "instance" | "plan" | "store">,
): Promise<RestoreRecord> {
  const oci = services.instances.storeOf(proposal.instance);
  const result = await restore(oci, proposal.plan, actor, () => termsOf(services, actor, proposal));
  if (result.kind === "done") return result;
  throw refusalOf(result);
}

async function requireTag(
  { store }: OciStore,
  { repository, tag }: Extract<RestoreTarget, { kind: "tag" }>,
  { from, moment: { point } }: { readonly from: ObjectId | undefined; readonly moment: Moment },
): Promise<void> {
  if (await tagTarget(await store.at(from), repository, tag)) return;
  // The last commit before a time may be one of which the actor may not know.
  const at =
    point.kind === "time" ? new Date(point.seconds * 1000).toISOString() : from?.slice(0, SHORT_COMMIT_HEX);
  const when = from ? `at ${at}` : "before the first commit";
  throw new NotFoundError(`there was no tag '${repository}:${tag}' ${when}`);
}

function planOf(
  oci: OciStore,
  target: RestoreTarget,
  from: ObjectId | undefined,
  isReadable: (repository: RepositoryName) => boolean,
): Promise<RestorePlan> {
  if (target.kind === "everything") return planRestoreAll(oci, from);
  if (target.kind === "selection") {
    const { selection } = target;
    const has = (name: RepositoryName) => selectsRepository(selection, name) && isReadable(name);
    return planRestoreAll(oci, from, { part: selection.part, text: selection.text, has });
  }
  return planRestore(oci, target.repository, target.kind === "tag" ? target.tag : undefined, from);
}

/** The current settings for a plan. Throws if the actor may no longer carry it out. */
function termsOf(
  services: ContentServices,
  actor: Actor,
  { instance, plan, store }: Pick<RestoreProposal, "instance" | "plan" | "store">,
): RestoreTerms {
  const config = changeable(configOf(services, instance), actor);
  if (config.store !== store)
    throw new MovedMeanwhileError(`nothing was changed: '${instance}' has another store now`);
  const what = plan.undoes ? "undoing" : "restoring";
  for (const [repository, role] of rolesFor(plan)) requireRole(actor, instance, repository, role, what);
  if (!plan.repository && plan.selection === undefined && !plan.undoes) requireAdministrator(actor);
  return { immutable: config.immutable, isSparse: mayLackBlobs(config) };
}

/** The role that a plan needs in each of its repositories. */
function rolesFor({ repository, moves, manifests }: RestorePlan): Map<RepositoryName, "writer" | "owner"> {
  const roles = new Map<RepositoryName, "writer" | "owner">(repository ? [[repository, "writer"]] : []);
  for (const { path, content } of manifests) {
    const name = parseOciPath(path)?.repository;
    if (name && roles.get(name) !== "owner") roles.set(name, content ? "writer" : "owner");
  }
  for (const move of moves)
    if (!move.after) roles.set(move.repository, "owner");
    else if (!roles.has(move.repository)) roles.set(move.repository, "writer");
  return roles;
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
  what = "restoring",
): void {
  if (holdsRole(actor, instance, repository, role)) return;
  const deletes = what === "restoring" ? "deletes tags and requires delete access" : "requires delete access";
  const access = role === "owner" ? deletes : "requires push access";
  throw new NotAllowedError(`${what} ${access} to '${repository}', which '${actor.user}' has not`);
}

function refusalOf(refusal: RestoreRefusal): ConflictError | NotAllowedError {
  switch (refusal.kind) {
    case "missing":
      return new ConflictError(`nothing was changed: the store no longer has ${listOf(refusal.digests)}`);
    case "needed": {
      const { repository, digest } = refusal;
      return new MovedMeanwhileError(
        `nothing was changed: something that was pushed to '${repository}' meanwhile needs ${digest}`,
      );
    }
    case "immutable": {
      const { repository, tag, before } = refusal.move;
      return new NotAllowedError(
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
