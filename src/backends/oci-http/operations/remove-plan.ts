import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Draft } from "../../../primitives/store/commits/commit-group.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Change, DirectoryChange } from "../../../primitives/store/commits/tree-edit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import {
  manifestPath,
  manifestsPrefix,
  parseOciPath,
  repositoryPath,
  TAGS,
  tagFile,
  tagOfFile,
  tagPath,
  tagsPrefix,
} from "../content/layout.ts";
import { tagTarget } from "../content/tag-target.ts";
import type { OciStore } from "../store/oci-store.ts";
import { namedTags, type SelectedPart, tagMatcher } from "./selection.ts";

/** A tag to be deleted, with the object id of its file. */
export interface PlannedTag {
  readonly tag: Tag;
  readonly fileId: ObjectId;
}

/** What is deleted in one repository. */
export interface RepositoryRemoval {
  readonly repository: RepositoryName;
  readonly part: SelectedPart;
  readonly tags: readonly PlannedTag[];
  readonly manifests: readonly Digest[];
}

/** Plans the deletion of a part of a repository, read from a commit. Changes nothing. */
export async function planRemoval(
  oci: Pick<OciStore, "index">,
  state: Snapshot,
  repository: RepositoryName,
  part: SelectedPart,
): Promise<RepositoryRemoval> {
  if (part.kind === "manifest") {
    const isThere = (await state.fileId(manifestPath(repository, part.digest))) !== undefined;
    const tags = isThere ? await tagsOf(oci, state, repository, part.digest) : [];
    return { repository, part, tags, manifests: isThere ? [part.digest] : [] };
  }
  const tags = await tagsIn(state, repository, part);
  tags.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const manifests = part.kind === "repository" ? await manifestsIn(state, repository) : [];
  return { repository, part, tags, manifests };
}

/** The tags that name a manifest. Nearly always their files are one object. */
async function tagsOf(
  { index }: Pick<OciStore, "index">,
  state: Snapshot,
  repository: RepositoryName,
  digest: Digest,
): Promise<PlannedTag[]> {
  const tags: PlannedTag[] = [];
  const files = await state.below(directory(tagsPrefix(repository)));
  const naming = new Map<ObjectId, boolean>();
  const pace = new Pace(0.5);
  for (const tag of index.manifestTags.each(repository, digest)) {
    const resting = pace.rest();
    if (resting !== undefined) await resting;
    const fileId = await files.fileId(tagFile(tag));
    if (!fileId) continue;
    let isNaming = naming.get(fileId);
    if (isNaming === undefined) {
      isNaming = (await tagTarget(state, repository, tag)) === digest;
      naming.set(fileId, isNaming);
    }
    if (isNaming) tags.push({ tag, fileId });
  }
  return tags;
}

async function tagsIn(
  state: Snapshot,
  repository: RepositoryName,
  part: Exclude<SelectedPart, { kind: "manifest" }>,
): Promise<PlannedTag[]> {
  const tags: PlannedTag[] = [];
  const named = part.kind === "tags" ? namedTags(part.patterns) : undefined;
  for (const tag of named ?? []) {
    const fileId = await state.fileId(tagPath(repository, tag));
    if (fileId) tags.push({ tag, fileId });
  }
  if (named) return tags;
  const pace = new Pace(1);
  const matches = part.kind === "tags" ? tagMatcher(part.patterns) : () => true;
  const files = await state.below(directory(tagsPrefix(repository)));
  for await (const { path, id } of files.list("")) {
    const resting = pace.rest();
    if (resting !== undefined) await resting;
    const tag = tagOfFile(path);
    if (tag && matches(tag)) tags.push({ tag, fileId: id });
  }
  return tags;
}

async function manifestsIn(state: Snapshot, repository: RepositoryName): Promise<Digest[]> {
  const pace = new Pace(1);
  const digests: Digest[] = [];
  for await (const { path } of state.list(manifestsPrefix(repository))) {
    await pace.rest();
    const file = parseOciPath(path);
    if (file?.kind === "manifest" && file.repository === repository) digests.push(file.digest);
  }
  return digests;
}

/** Whether what a plan deletes, or for a repository anything in it, differs between two states. */
export async function hasMoved(
  { repository, part, tags }: RepositoryRemoval,
  before: Snapshot,
  now: Snapshot,
): Promise<boolean> {
  if (part.kind === "repository") {
    for (const prefix of [tagsPrefix(repository), manifestsPrefix(repository)])
      if ((await entryOf(before, prefix)) !== (await entryOf(now, prefix))) return true;
    return false;
  }
  const prefix = tagsPrefix(repository);
  if ((await entryOf(before, prefix)) === (await entryOf(now, prefix))) return false;
  const files = await now.below(directory(prefix));
  const pace = new Pace(0.5);
  for (const { tag, fileId } of tags) {
    const resting = pace.rest();
    if (resting !== undefined) await resting;
    if ((await files.fileId(tagFile(tag))) !== fileId) return true;
  }
  return false;
}

/** Whether a tag that a plan does not know names the manifest that it deletes. */
export async function isTaggedMeanwhile(
  { store }: Pick<OciStore, "store">,
  { repository, part, tags }: RepositoryRemoval,
  before: Snapshot,
  now: Snapshot,
): Promise<boolean> {
  if (part.kind !== "manifest") return false;
  const known = new Set<string>(tags.map(({ tag }) => tag));
  const pace = new Pace(0.5);
  for await (const { path, after } of store.diffBelow(`${repositoryPath(repository)}/${TAGS}`, before, now)) {
    await pace.rest();
    const file = after && parseOciPath(path);
    if (file?.kind !== "tag" || known.has(file.tag)) continue;
    if ((await tagTarget(now, repository, file.tag)) === part.digest) return true;
  }
  return false;
}

/** The changes that carry out plans. */
export function removalChanges(plan: readonly RepositoryRemoval[]): Pick<Draft, "changes" | "directories"> {
  const whole = plan.filter(({ part }) => part.kind === "repository");
  const changes = plan
    .filter(({ part }) => part.kind !== "repository")
    .flatMap(({ repository, tags, manifests }): Change[] => [
      ...tags.map(({ tag }) => ({ path: tagPath(repository, tag), content: null })),
      ...manifests.map((digest) => ({ path: manifestPath(repository, digest), content: null })),
    ]);
  if (whole.length === 0) return { changes };
  return { changes, directories: whole.flatMap(({ repository }) => directoriesOf(repository, null, null)) };
}

/** Sets the directories of a repository's tags and manifests. */
export function directoriesOf(
  repository: RepositoryName,
  tags: ObjectId | null,
  manifests: ObjectId | null,
): DirectoryChange[] {
  return [
    { path: directory(tagsPrefix(repository)), tree: tags },
    { path: directory(manifestsPrefix(repository)), tree: manifests },
  ];
}

function directory(prefix: string): string {
  return prefix.slice(0, -1);
}

function entryOf(state: Snapshot, prefix: string): Promise<ObjectId | undefined> {
  return state.entryId(directory(prefix));
}
