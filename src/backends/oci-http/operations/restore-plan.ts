import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import type { Identity } from "../../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { manifestPath, parseOciPath, tagPath, tagsPrefix } from "../content/layout.ts";
import { formatEvent } from "../content/store-event.ts";
import { tagTarget } from "../content/tag-target.ts";
import { isImmutable, type TagPattern } from "../policy/immutable-tags.ts";
import type { OciStore } from "../store/oci-store.ts";
import { RestoredManifests } from "./restored-manifests.ts";
import { namedTags, type SelectedPart, tagMatcher } from "./selection.ts";

/** A tag that a restore sets or deletes; `after` is `undefined` if the past state lacks the tag. */
export interface TagRestore {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly before: Digest | undefined;
  readonly after: Digest | undefined;
}

/** The changes that restore a past state. */
export interface RestorePlan {
  /** `undefined`: all repositories. */
  readonly repository: RepositoryName | undefined;
  /** The commit whose state is restored; `undefined`: the empty state before the first one. */
  readonly from: ObjectId | undefined;
  readonly moves: readonly TagRestore[];
  /** The manifests restored with the tags, and those without a tag. */
  readonly manifests: readonly Change[];
  /** How many manifests are restored that no tag of `moves` needs. */
  readonly untagged: number;
  /** Configs and layers that the manifests need. */
  readonly blobs: ReadonlySet<Digest>;
  /** Manifests that tags name and that the past state lacks. */
  readonly missing: readonly Digest[];
  /** What is restored, as the user wrote it, if that is neither a repository, a tag nor everything. */
  readonly selection?: string | undefined;
  /** The commit that is undone. */
  readonly undoes?: ObjectId | undefined;
  /** Called within the transaction, with the state that the commit follows. */
  readonly check?: ((parent: Snapshot) => Promise<RestoreRefusal | undefined>) | undefined;
}

/** The repositories of a restore, and what is restored of each. */
export interface SelectedContent {
  readonly part: SelectedPart;
  readonly text: string | undefined;
  has(repository: RepositoryName): boolean;
}

const ALL: SelectedContent = { part: { kind: "repository" }, text: undefined, has: () => true };

/** Why a plan was not carried out; nothing was changed. */
export type RestoreRefusal =
  /** A tag has moved since the plan was made. */
  | { readonly kind: "moved"; readonly move: TagRestore }
  /** A tag is write-once and exists. */
  | { readonly kind: "immutable"; readonly move: TagRestore }
  /** Manifests or blobs are no longer in the store. */
  | { readonly kind: "missing"; readonly digests: readonly Digest[] }
  /** A tag or manifest that was pushed meanwhile needs a manifest that would be deleted. */
  | { readonly kind: "needed"; readonly repository: RepositoryName; readonly digest: Digest };

/** A plan that was carried out. */
export interface RestoreRecord {
  readonly kind: "done";
  /** `undefined`: everything had the state already. */
  readonly commit: ObjectId | undefined;
}

/** Settings of the registry that are checked when the plan is committed. */
export interface RestoreTerms {
  /** Which tags are write-once. */
  readonly immutable: readonly TagPattern[];
  /** Whether the registry may lack content that its manifests name. */
  readonly isSparse: boolean;
}

/** The author of the commit, and the client that requested it. */
export interface RestoreAuthor {
  readonly identity: Identity;
  readonly client: string;
  /** The client's address, without port. */
  readonly remote?: string | undefined;
}

/** Compares a tag, or each tag of a repository, at a commit with the newest state. Changes nothing. */
export function planRestore(
  oci: OciStore,
  repository: RepositoryName,
  tag: Tag | undefined,
  from: ObjectId | undefined,
): Promise<RestorePlan> {
  return planPart(oci, repository, tag ? { kind: "tags", patterns: [tag] } : { kind: "repository" }, from);
}

/** Like `planRestore`, for the selected part of a repository. `from` is `undefined` for the empty state. */
async function planPart(
  oci: OciStore,
  repository: RepositoryName,
  part: SelectedPart,
  from: ObjectId | undefined,
): Promise<RestorePlan> {
  const [then, now] = [await oci.store.at(from), oci.store.head()];
  const moves: TagRestore[] = [];
  const manifests = new RestoredManifests(oci, repository, then, now);
  const pace = new Pace(0.5);
  for (const name of await tagsIn(oci, part, repository, { then, now })) {
    await pace.rest();
    const before = await tagTarget(now, repository, name);
    const after = await tagTarget(then, repository, name);
    if (before === after || (part.kind === "manifest" && after !== part.digest)) continue;
    moves.push({ repository, tag: name, before, after });
    if (after) await manifests.add(after);
  }
  const isGone =
    part.kind === "manifest" && (await now.fileId(manifestPath(repository, part.digest))) === undefined;
  if (isGone) await manifests.add(part.digest);
  const untagged = part.kind === "repository";
  if (untagged || isGone || moves.some(({ after }) => after)) await manifests.addDeleted({ untagged });
  return {
    repository,
    from,
    moves,
    manifests: manifests.changes,
    untagged: manifests.untagged + Number(isGone && moves.length === 0),
    blobs: manifests.blobs,
    missing: manifests.missing,
  };
}

/** Like `planRestore`, for every repository; `selected` narrows them and what is restored of them. */
export async function planRestoreAll(
  oci: OciStore,
  from: ObjectId | undefined,
  selected: SelectedContent = ALL,
): Promise<RestorePlan> {
  const { commitId } = oci.store.head();
  const repositories = new Set<RepositoryName>();
  const pace = new Pace(0.5);
  if (commitId) {
    for await (const { path } of oci.store.diff(from, commitId)) {
      await pace.rest();
      const file = parseOciPath(path);
      if (file && selected.has(file.repository)) repositories.add(file.repository);
    }
  }
  const plans: RestorePlan[] = [];
  for (const repository of [...repositories].sort()) {
    await pace.rest();
    plans.push(await planPart(oci, repository, selected.part, from));
  }
  const [only] = plans.length === 1 && selected !== ALL ? plans : [];
  return {
    repository: only?.repository,
    from,
    moves: plans.flatMap(({ moves }) => moves),
    manifests: plans.flatMap(({ manifests }) => manifests),
    untagged: plans.reduce((sum, { untagged }) => sum + untagged, 0),
    blobs: new Set(plans.flatMap(({ blobs }) => [...blobs])),
    missing: [...new Set(plans.flatMap(({ missing }) => missing))],
    selection: selected.text,
  };
}

/**
 * Carries out a plan as one commit that names what it restores. `terms` is called within the transaction; an error that it
 * throws refuses the plan.
 */
export async function restore(
  oci: OciStore,
  plan: RestorePlan,
  author: RestoreAuthor,
  terms: () => RestoreTerms,
): Promise<RestoreRefusal | RestoreRecord> {
  const digests = await missingFrom(oci, plan, terms());
  if (digests.length > 0) return { kind: "missing", digests };
  let refusal: RestoreRefusal | undefined;
  const { commitId, changed } = await oci.store.transact(async (parent) => {
    const { immutable } = terms();
    const changes: Change[] = [...plan.manifests];
    refusal = await plan.check?.(parent);
    const pace = new Pace(0.5);
    for (const move of plan.moves) {
      await pace.rest();
      const current = await tagTarget(parent, move.repository, move.tag);
      if (current !== move.before) refusal ??= { kind: "moved", move };
      else if (current && isImmutable(move.tag, immutable)) refusal ??= { kind: "immutable", move };
      const content = move.after ? Buffer.from(`${move.after}\n`) : null;
      changes.push({ path: tagPath(move.repository, move.tag), content });
    }
    return { changes: refusal ? [] : changes, author: author.identity, message: messageOf(plan, author) };
  });
  return refusal ?? { kind: "done", commit: changed ? commitId : undefined };
}

/**
 * The content that a plan needs and that the store no longer has. Each blob is touched before it is looked up, so that a garbage
 * collection keeps it.
 */
export async function missingFrom(
  oci: OciStore,
  { missing, blobs }: RestorePlan,
  { isSparse }: Pick<RestoreTerms, "isSparse">,
): Promise<Digest[]> {
  const pace = new Pace(1);
  const gone = [...missing];
  for (const blob of blobs) {
    await pace.rest();
    oci.recency.touch(blob);
    await oci.blobs.touch?.(blob);
    if (!isSparse && !(await oci.blobs.stat(blob))) gone.push(blob);
  }
  return gone;
}

function messageOf(
  { repository, from, moves, selection, undoes }: RestorePlan,
  { client, remote }: RestoreAuthor,
): string {
  const tags = moves.map(({ tag, before, after }) => ({ tag, previous: before, after }));
  if (undoes)
    return formatEvent({ kind: "undo", repository, tags, undoes, origin: { client, remote: remote ?? "" } });
  return formatEvent({ kind: "restore", repository, tags, from, client, remote, selection });
}

/** The tags that a part may concern: all that it names, or those that differ between the states. */
async function tagsIn(
  { store }: OciStore,
  part: SelectedPart,
  repository: RepositoryName,
  { then, now }: { readonly then: Snapshot; readonly now: Snapshot },
): Promise<Tag[]> {
  const named = part.kind === "tags" ? namedTags(part.patterns) : undefined;
  if (named) return [...named].sort();
  const matches = part.kind === "tags" ? tagMatcher(part.patterns) : () => true;
  const tags: Tag[] = [];
  const pace = new Pace(0.5);
  for await (const { path } of store.diffBelow(tagsPrefix(repository).slice(0, -1), then, now)) {
    await pace.rest();
    const file = parseOciPath(path);
    if (file?.kind === "tag" && matches(file.tag)) tags.push(file.tag);
  }
  return tags.sort();
}
