import type { Digest } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { counted } from "../../../primitives/text/counted.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { MovedMeanwhileError } from "../../oci-http/operations/change-rights.ts";
import { parseMoment } from "../../oci-http/operations/moment.ts";
import { removalDigest, restoreDigest, retagDigest } from "../../oci-http/operations/proposal-digest.ts";
import { carryOutRemoval, proposeRemoval } from "../../oci-http/operations/remove.ts";
import {
  carryOutRestore,
  previewRestore,
  type RestoreObstacle,
  type RestoreTarget,
  restoreTargetOf,
  type TagRestore,
} from "../../oci-http/operations/restore.ts";
import { proposeRetag, type RetagRequest, retag } from "../../oci-http/operations/retag.ts";
import { MAX_SELECTED_TAGS, parseSelection, type Selection } from "../../oci-http/operations/selection.ts";
import { carryOutUndo, previewUndo } from "../../oci-http/operations/undo.ts";
import { ConflictError, InvalidArgumentError, NotFoundError } from "../../refusals.ts";
import { type ChangeResult, type ManifestCounts, previewDigest } from "../requests/submissions.ts";
import type { WebContext } from "../requests/web-context.ts";
import { tagIn } from "./path-values.ts";

/** A change that was planned and not carried out. */
export interface PreparedChange {
  /** Tells changes apart by what they change, from and to which state. */
  readonly digest: string;
  /** Tags that are set, moved or deleted: those that are listed, and how many there are. */
  readonly moves: readonly TagRestore[];
  readonly tags: number;
  readonly repositories: number;
  readonly manifests: ManifestCounts;
  /** Manifests that are deleted: the first ones. */
  readonly deletedManifests: readonly { readonly repository: RepositoryName; readonly digest: Digest }[];
  /** Of a restore: the state that is restored, by its commit or, if a time or an age was given, by the time. */
  readonly to: string | undefined;
  readonly obstacle: RestoreObstacle | undefined;
  /** Returns the commit; `undefined` if there was nothing to change. */
  readonly carryOut: () => Promise<ObjectId | undefined>;
}

export function isEmptyChange({ tags, manifests }: PreparedChange): boolean {
  return tags + manifests.restored + manifests.deleted === 0;
}

/** What a selection names, as at the console. Throws `InvalidArgumentError`. */
export function selectionIn(text: string): Selection {
  const selection = parseSelection(text);
  if (selection) return selection;
  throw new InvalidArgumentError(
    "a selection is <repository>, <repository>:<tag> or <repository>@<digest>; '*' stands for one component of the " +
      `repository's name or any part of a tag, '**' for any number of components; up to ${MAX_SELECTED_TAGS} tags are separated by commas`,
  );
}

/** Tags of a repository, by name. */
export function tagSelection(repository: RepositoryName, tags: readonly string[]): Selection {
  if (tags.length > MAX_SELECTED_TAGS)
    throw new InvalidArgumentError(
      `${tags.length} tags are named, and at most ${MAX_SELECTED_TAGS} can be; a pattern such as pr-* selects any number`,
    );
  return selectionIn(`${repository}:${tags.map(tagIn).sort().join(",")}`);
}

/** `selection`: everything without one. */
export async function prepareRestore(
  { services, actor, config }: WebContext,
  selection: Selection | undefined,
  to: string,
): Promise<PreparedChange> {
  const moment = parseMoment(to);
  if (!moment)
    throw new InvalidArgumentError(
      `'${to.slice(0, 100)}' is no point in time: use a time such as 2026-01-31T12:00:00Z, an age such as 2h, or a commit`,
    );
  const target: RestoreTarget = selection ? restoreTargetOf(selection) : { kind: "everything" };
  const { proposal, obstacle } = await previewRestore(services, actor, {
    instance: config.name,
    target,
    moment,
  });
  const { moves, from, untagged } = proposal;
  return {
    digest: await restoreDigest(proposal),
    moves,
    tags: moves.length,
    repositories: new Set(moves.map(({ repository }) => repository)).size,
    manifests: { restored: untagged, deleted: 0, kept: 0 },
    deletedManifests: [],
    // The last commit before a time may be one of which the actor may not know.
    to: moment.point.kind === "time" ? new Date(moment.point.seconds * 1000).toISOString() : from,
    obstacle,
    carryOut: async () => (await carryOutRestore(services, actor, proposal)).commit,
  };
}

export async function prepareRemoval(
  { services, actor, config }: WebContext,
  selection: Selection,
): Promise<PreparedChange> {
  const proposal = await proposeRemoval(services, actor, { instance: config.name, selection });
  const { counts, tags, manifests, untagged } = proposal;
  return {
    digest: await removalDigest(proposal),
    moves: tags.map(({ digest, ...named }) => ({ ...named, before: digest, after: undefined })),
    tags: counts.tags,
    repositories: counts.repositories,
    manifests: { restored: 0, deleted: counts.manifests, kept: untagged },
    deletedManifests: manifests,
    to: undefined,
    obstacle: undefined,
    carryOut: async () => (await carryOutRemoval(services, actor, proposal)).commit,
  };
}

export async function prepareUndo(
  { services, actor, config }: WebContext,
  text: string,
): Promise<PreparedChange> {
  const commit = parseMoment(text);
  if (commit?.point.kind !== "commit")
    throw new InvalidArgumentError(`'${text.slice(0, 100)}' is not the beginning of a commit's id`);
  const { proposal, obstacle } = await previewUndo(services, actor, { instance: config.name, commit });
  const { moves, manifests } = proposal;
  return {
    digest: await restoreDigest(proposal),
    moves,
    tags: moves.length,
    repositories: new Set(moves.map(({ repository }) => repository)).size,
    manifests: {
      restored: manifests.restored,
      deleted: manifests.deleted,
      kept: manifests.needed + manifests.undeletable,
    },
    deletedManifests: [],
    to: undefined,
    obstacle,
    carryOut: async () => (await carryOutUndo(services, actor, proposal)).commit,
  };
}

export async function prepareRetag(
  { services, actor, config }: WebContext,
  wanted: Omit<RetagRequest, "instance">,
): Promise<PreparedChange> {
  const request = { instance: config.name, ...wanted };
  const proposal = await proposeRetag(services, actor, request);
  const { repository, tag, digest, previous, obstacle } = proposal;
  const moves = previous === digest ? [] : [{ repository, tag, before: previous, after: digest }];
  return {
    digest: await retagDigest(proposal),
    moves,
    tags: moves.length,
    repositories: moves.length,
    manifests: { restored: 0, deleted: 0, kept: 0 },
    deletedManifests: [],
    to: undefined,
    obstacle: obstacle && { reason: obstacle, moves: [] },
    carryOut: async () => (await retag(services, actor, request, proposal)).commit,
  };
}

/**
 * Carries out what a preview has shown, once: the same token returns the same result. Rejects with `MovedMeanwhileError`, and changes
 * nothing, if it would change anything else by now.
 */
export function carryOutPreview(
  { submissions, actor, config, request }: WebContext,
  token: string,
  prepare: () => Promise<PreparedChange>,
): Promise<ChangeResult> {
  const shown = previewDigest(token);
  if (shown === undefined) throw new InvalidArgumentError("'preview' is not that of a preview");
  return submissions.once(JSON.stringify([actor.user, config.name, request.path, token]), async () => {
    const change = await prepared(prepare);
    if (change.digest !== shown) throw new MovedMeanwhileError(MOVED);
    return carryOutNow(change);
  });
}

const MOVED = "nothing was changed: what it would change is no longer what the preview has shown";

/** What a preview has shown was there: if nothing is, it has moved. */
async function prepared(prepare: () => Promise<PreparedChange>): Promise<PreparedChange> {
  try {
    return await prepare();
  } catch (error) {
    throw error instanceof NotFoundError ? new MovedMeanwhileError(`${MOVED}; ${error.message}`) : error;
  }
}

/** Rejects with the obstacle. */
export async function carryOutNow(change: PreparedChange): Promise<ChangeResult> {
  if (change.obstacle) throw change.obstacle.reason;
  const { tags, manifests } = change;
  return { commit: isEmptyChange(change) ? undefined : await change.carryOut(), tags, manifests };
}

/** Throws `ConflictError`: what a client has not seen before is not carried out unless it says so. */
export function refuseUnconfirmed({ tags, manifests }: PreparedChange): never {
  const count = manifests.restored + manifests.deleted;
  throw new ConflictError(
    `nothing was changed: this would change ${counted(tags, "tag")} and ${counted(count, "manifest")}; send 'preview' of the same request with 'dryRun', or 'yes'`,
  );
}
