import { type Static, type TProperties, Type } from "typebox";
import { changeRights, isChangeable } from "../../oci-http/operations/change-rights.ts";
import { MAX_SELECTED_TAGS, type Selection } from "../../oci-http/operations/selection.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import { type ChangeResult, previewToken } from "../requests/submissions.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { digestIn, referenceIn, repositoryIn, tagIn } from "./path-values.ts";
import {
  carryOutNow,
  carryOutPreview,
  type PreparedChange,
  prepareRemoval,
  prepareRestore,
  prepareRetag,
  prepareUndo,
  refuseUnconfirmed,
  selectionIn,
  tagSelection,
} from "./prepared-change.ts";
import { DigestText } from "./schemas.ts";

/** Most tags that a response lists. */
const MAX_LISTED = 1000;

const TagChange = Type.Object({
  repository: Type.String(),
  tag: Type.String(),
  before: Type.Optional(DigestText),
  after: Type.Optional(DigestText),
});

const Change = Type.Object({
  commit: Type.Optional(
    Type.String({ description: "the commit that was made; absent if nothing was changed, as in a dry run" }),
  ),
  preview: Type.Optional(
    Type.String({ description: "of a dry run: send it to carry out exactly this, or nothing" }),
  ),
  tags: Type.Integer({ description: "how many tags are set, moved or deleted" }),
  moves: Type.Array(TagChange, {
    description: `the first of these tags (of a deletion 100, else ${MAX_LISTED}); without \`after\` a tag is deleted; none if the same \`preview\` was carried out before`,
  }),
  manifests: Type.Object(
    { restored: Type.Integer(), deleted: Type.Integer(), kept: Type.Integer() },
    { description: "`kept`: those that stay without a tag, or that a commit added and that its undo leaves" },
  ),
  obstacle: Type.Optional(
    Type.String({
      description: "of a dry run: why nothing of it can be carried out, such as content that is gone",
    }),
  ),
  blocked: Type.Optional(
    Type.Array(TagChange, { description: "the first of the tags that the obstacle concerns" }),
  ),
});
type Change = Static<typeof Change>;

const DRY_RUN = Type.Optional(
  Type.Boolean({ description: "changes nothing, and returns what would be changed" }),
);
const PREVIEW = Type.Optional(
  Type.String({
    description: "of a dry run of the same request: 409 if it would change anything else by now",
  }),
);
const YES = Type.Optional(Type.Boolean({ description: "carries it out without `preview`" }));
const CONFIRMATION = { dryRun: DRY_RUN, preview: PREVIEW, yes: YES };
interface Confirmation {
  readonly dryRun?: boolean | undefined;
  readonly preview?: string | undefined;
  readonly yes?: boolean | undefined;
}

const TO = Type.String({
  description: "a time (RFC 3339), an age such as `2h`, or the first digits of a commit",
  maxLength: 100,
});
const SELECTION = Type.String({
  description: "`<repository>[:<tag>[,<tag>…]|@<digest>]`, with `*` and `**` as at the console",
});

/** Plans a change; carries it out if it is confirmed. Rejects with `ConflictError` if it is not, or if something has moved. */
export async function change(
  context: WebContext,
  { dryRun = false, preview, yes = false }: Confirmation,
  prepare: () => Promise<PreparedChange>,
): Promise<Change> {
  if (dryRun) return dryRunOf(await prepare());
  if (preview !== undefined) {
    let fresh: PreparedChange | undefined;
    const result = await carryOutPreview(context, preview, async () => {
      fresh = await prepare();
      return fresh;
    });
    return recordOf(fresh?.moves ?? [], result);
  }
  const prepared = await prepare();
  if (!yes) refuseUnconfirmed(prepared);
  return recordOf(prepared.moves, await carryOutNow(prepared));
}

function recordOf(
  moves: PreparedChange["moves"],
  { commit, tags, manifests }: Pick<ChangeResult, "tags" | "manifests"> & Partial<ChangeResult>,
): Change {
  return { ...(commit && { commit }), tags, moves: moves.slice(0, MAX_LISTED).map(tagChangeOf), manifests };
}

function dryRunOf(prepared: PreparedChange): Change {
  const { obstacle, digest, moves, tags, manifests } = prepared;
  return {
    ...recordOf(moves, { tags, manifests }),
    preview: previewToken(digest),
    ...(obstacle && {
      obstacle: obstacle.reason.message,
      blocked: obstacle.moves.slice(0, MAX_LISTED).map(tagChangeOf),
    }),
  };
}

function tagChangeOf({ repository, tag, before, after }: PreparedChange["moves"][number]) {
  return { repository, tag, ...(before && { before }), ...(after && { after }) };
}

/** Whether the actor may change all of the registry: administrators may, unless it is read-only. */
export function mayChangeAll({ actor, config }: WebContext): boolean {
  return actor.isAdministrator() && isChangeable(actor, config);
}

/** What the actor may do to a repository, for links that lead to actions. */
export function mayChange({ actor, config }: WebContext, repository: string) {
  return changeRights(actor, config, repositoryIn(repository));
}

const DELETED = {
  tags: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: MAX_SELECTED_TAGS })),
  pattern: Type.Optional(Type.String({ description: "tags; `*` stands for any text" })),
  digest: Type.Optional(Type.String({ description: "a manifest, with its tags" })),
  all: Type.Optional(Type.Boolean({ description: "the repository" })),
};
interface Deleted {
  readonly tags?: readonly string[] | undefined;
  readonly pattern?: string | undefined;
  readonly digest?: string | undefined;
  readonly all?: boolean | undefined;
}

/** What of a repository is to be deleted. Throws `InvalidArgumentError` unless exactly one thing is named. */
export function deletedIn(repositoryText: string | undefined, given: Deleted): Selection {
  const repository = repositoryIn(repositoryText);
  const { tags, pattern, digest, all } = given;
  const named = [tags, pattern, digest, all || undefined].filter((value) => value !== undefined);
  if (named.length !== 1)
    throw new InvalidArgumentError(
      "exactly one of 'tags', 'pattern', 'digest' and 'all' says what is deleted",
    );
  if (tags) return tagSelection(repository, tags);
  if (pattern !== undefined) return selectionIn(`${repository}:${pattern}`);
  return selectionIn(digest === undefined ? repository : `${repository}@${digestIn(digest)}`);
}

/** What of a repository is restored: a tag, or all of it. */
export function restoredIn(repositoryText: string | undefined, tag: string | undefined): Selection {
  const repository = repositoryIn(repositoryText);
  return selectionIn(tag === undefined || tag === "" ? repository : `${repository}:${tagIn(tag)}`);
}

/** The tag that is set, and the manifest that it is to name. */
export function retaggedIn(repository: string | undefined, source: string, tag: string) {
  return { repository: repositoryIn(repository), source: referenceIn(source), tag: tagIn(tag) };
}

function body<P extends TProperties>(properties: P) {
  return Type.Object({ ...properties, ...CONFIRMATION }, { additionalProperties: false });
}

export const CHANGE_ROUTES = [
  apiRoute({
    method: "POST",
    path: "/repositories/{repository}/-/restore",
    operationId: "restoreRepository",
    summary: "Sets a tag, or all tags of a repository, to the state of an earlier moment, as one commit.",
    body: body({ tag: Type.Optional(Type.String()), to: TO }),
    response: Change,
    handle: (context, { path, body: { tag, to, ...confirmation } }) =>
      change(context, confirmation, () => prepareRestore(context, restoredIn(path.repository, tag), to)),
  }),
  apiRoute({
    method: "POST",
    path: "/restore",
    operationId: "restoreRegistry",
    summary: "Sets what a selection names, or all tags of the registry, to the state of an earlier moment.",
    body: body({ selection: Type.Optional(SELECTION), to: TO }),
    response: Change,
    handle: (context, { body: { selection, to, ...confirmation } }) =>
      change(context, confirmation, () =>
        prepareRestore(context, selection === undefined ? undefined : selectionIn(selection), to),
      ),
  }),
  apiRoute({
    method: "POST",
    path: "/repositories/{repository}/-/retag",
    operationId: "setTag",
    summary: "Points a tag, new or known, at a manifest of the repository, as one commit.",
    body: body({
      source: Type.String({ description: "the manifest: another tag, or a digest" }),
      tag: Type.String({ description: "the tag that is set" }),
    }),
    response: Change,
    handle: (context, { path, body: { source, tag, ...confirmation } }) =>
      change(context, confirmation, () => prepareRetag(context, retaggedIn(path.repository, source, tag))),
  }),
  apiRoute({
    method: "POST",
    path: "/repositories/{repository}/-/delete",
    operationId: "deleteContent",
    summary: "Deletes tags, a manifest with its tags, or a repository, as one commit.",
    body: body(DELETED),
    response: Change,
    handle: (context, { path, body: { dryRun, preview, yes, ...deleted } }) =>
      change(context, { dryRun, preview, yes }, () =>
        prepareRemoval(context, deletedIn(path.repository, deleted)),
      ),
  }),
  apiRoute({
    method: "POST",
    path: "/delete",
    operationId: "deleteSelection",
    summary: "Deletes what a selection names, in any number of repositories, as one commit.",
    body: body({ selection: SELECTION }),
    response: Change,
    handle: (context, { body: { selection, ...confirmation } }) =>
      change(context, confirmation, () => prepareRemoval(context, selectionIn(selection))),
  }),
  apiRoute({
    method: "DELETE",
    path: "/repositories/{repository}/-/tags/{tag}",
    operationId: "deleteTag",
    summary: "Deletes a tag; its manifest stays.",
    query: { dryRun: DRY_RUN, preview: PREVIEW },
    response: Change,
    handle: (context, { path, query }) =>
      change(context, { ...query, yes: true }, () =>
        prepareRemoval(context, deletedIn(path.repository, { tags: [path.tag] })),
      ),
  }),
  apiRoute({
    method: "DELETE",
    path: "/repositories/{repository}/-/manifests/{digest}",
    operationId: "deleteManifest",
    summary: "Deletes a manifest with its tags; if it has any, `preview` or `yes` is required.",
    query: CONFIRMATION,
    response: Change,
    handle: async (context, { path, query }) => {
      const selection = deletedIn(path.repository, { digest: path.digest });
      const prepared = await prepareRemoval(context, selection);
      return change(context, { ...query, yes: query.yes || prepared.tags === 0 }, async () => prepared);
    },
  }),
  apiRoute({
    method: "POST",
    path: "/commits/{commit}/undo",
    operationId: "undoCommit",
    summary: "Gives what one commit changed the state before it, as one commit.",
    body: body({}),
    response: Change,
    handle: (context, { path, body: confirmation }) =>
      change(context, confirmation, () => prepareUndo(context, path.commit)),
  }),
];
