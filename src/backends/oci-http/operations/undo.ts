import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Identity } from "../../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { Actor } from "../../actor.ts";
import { ConflictError, NotAllowedError } from "../../refusals.ts";
import { type ContentChange, changesBetween } from "../content/content-changes.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import { caughtUp } from "./caught-up.ts";
import { changeable } from "./change-rights.ts";
import { commitAt, type Moment } from "./moment.ts";
import { type ContentServices, configOf, holdsRole } from "./registry-access.ts";
import { carryOutRestore, obstacleTo, type RestoreObstacle, type RestoreRecord } from "./restore.ts";
import type { TagRestore } from "./restore-plan.ts";
import { seenCommitAt, unseen } from "./seen-moment.ts";
import { planUndo, type UndoneManifests, type UndoPlan } from "./undo-plan.ts";

export interface UndoRequest {
  readonly instance: InstanceName;
  readonly commit: Moment;
}

/** The effect of an undo, to be shown before it is carried out. */
export interface UndoProposal {
  readonly instance: InstanceName;
  readonly commit: ObjectId;
  readonly author: Identity;
  readonly time: Date;
  /** The tags that get the state before the commit. */
  readonly moves: readonly TagRestore[];
  readonly manifests: UndoneManifests;
  readonly store: StoreName;
  readonly plan: UndoPlan["plan"];
}

export interface UndoPreview {
  readonly proposal: UndoProposal;
  readonly obstacle: RestoreObstacle | undefined;
}

/** Most tags that a refusal names. */
const MAX_NAMED = 10;
const SHORT_COMMIT_HEX = 12;

/**
 * Plans to give what one commit changed the state before it. Refuses it if the actor may not read or change one of the
 * repositories, or if a tag has changed since. A manifest that the commit added stays if something needs it by now, or if the
 * actor may not delete it.
 */
export async function proposeUndo(
  services: ContentServices,
  actor: Actor,
  request: UndoRequest,
): Promise<UndoProposal> {
  const { proposal, obstacle } = await previewUndo(services, actor, request);
  if (obstacle) throw obstacle.reason;
  return proposal;
}

/** Like `proposeUndo`, but tags that have changed or are write-once, and content that is no longer stored, are an obstacle. */
export async function previewUndo(
  services: ContentServices,
  actor: Actor,
  { instance, commit }: UndoRequest,
): Promise<UndoPreview> {
  const { store } = changeable(configOf(services, instance), actor);
  const oci = services.instances.storeOf(instance);
  await caughtUp(services, instance);
  const id = await readableCommit(oci, actor, { instance, commit });
  const { author, committer } = await oci.store.commitAt(id);
  const { plan, manifests, moved } = await planUndo(oci, {
    commit: id,
    mayDelete: (repository) => holdsRole(actor, instance, repository, "owner"),
  });
  const time = new Date(committer.seconds * 1000);
  const proposal = { instance, commit: id, author, time, moves: plan.moves, manifests, store, plan };
  if (moved.length > 0) {
    const words = `nothing was changed: ${namesOf(moved)} since ${id.slice(0, SHORT_COMMIT_HEX)}`;
    return { proposal, obstacle: { reason: new ConflictError(words), moves: moved } };
  }
  if (isUndone(proposal)) return { proposal, obstacle: undefined };
  return { proposal, obstacle: await obstacleTo(services, actor, proposal) };
}

/** Whether everything has the state before the commit already. */
export function isUndone({ moves, manifests }: Pick<UndoProposal, "moves" | "manifests">): boolean {
  return moves.length + manifests.restored + manifests.deleted === 0;
}

/** Carries out an undo as one commit of the actor; rights and settings are checked again. */
export function carryOutUndo(
  services: ContentServices,
  actor: Actor,
  proposal: UndoProposal,
): Promise<RestoreRecord> {
  return carryOutRestore(services, actor, proposal);
}

/**
 * Whether the actor may undo a commit that made these changes, as far as roles and settings decide; a commit with more changes
 * may concern other repositories.
 */
export function mayUndo(actor: Actor, config: InstanceConfig, changes: readonly ContentChange[]): boolean {
  try {
    changeable(config, actor);
  } catch {
    return false;
  }
  const isAllowed = (change: ContentChange) =>
    holdsRole(actor, config.name, change.repository, deletesInUndo(change) ? "owner" : "writer");
  return changes.length > 0 && changes.every(isAllowed);
}

function deletesInUndo(change: ContentChange): boolean {
  return change.kind === "tag" && change.before === undefined;
}

/**
 * The commit, if the actor may read all that it changed. The refusal is the same for one that does not exist and one of which the
 * actor may read nothing.
 */
async function readableCommit(
  oci: OciStore,
  actor: Actor,
  { instance, commit }: UndoRequest,
): Promise<ObjectId> {
  const id = await seenCommitAt(commitAt(oci, commit), actor, { instance, moment: commit });
  if (actor.isAdministrator()) return id;
  const [parent] = (await oci.store.commitAt(id)).parents;
  const pace = new Pace(1);
  const seen = new Set<boolean>();
  for await (const { repository } of changesBetween(oci.store, parent, id)) {
    await pace.rest();
    if (seen.add(holdsRole(actor, instance, repository, "reader")).size === 2) break;
  }
  if (!seen.has(true)) throw unseen(commit);
  if (seen.has(false))
    throw new NotAllowedError(
      `'${commit.text}' changed something that you may not read, so you can't undo it`,
    );
  return id;
}

/** For example `'app:v1' has changed`. */
function namesOf(moved: readonly TagRestore[]): string {
  const names = moved.slice(0, MAX_NAMED).map(({ repository, tag }) => `'${repository}:${tag}'`);
  const more = moved.length > MAX_NAMED ? ` and ${moved.length - MAX_NAMED} more` : "";
  return `${names.join(", ")}${more} ${moved.length > 1 ? "have" : "has"} changed`;
}
