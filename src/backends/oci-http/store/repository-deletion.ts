import type { Digest } from "../../../primitives/digest.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import type { Identity } from "../../../primitives/store/git/commit.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { goingManifests } from "../content/going-manifests.ts";
import { manifestPath, repositoryPath, tagPath } from "../content/layout.ts";
import { formatEvent, type TagMove } from "../content/store-event.ts";
import { tagTarget } from "../content/tag-target.ts";
import { findLost } from "./index-auditor.ts";
import type { OciStore } from "./oci-store.ts";

/** What a rule deletes of one repository. */
export interface RepositoryDeletion {
  readonly repository: RepositoryName;
  /** With the digests that they must still name: a tag that was set meanwhile stays. */
  readonly tags: ReadonlyMap<Tag, Digest>;
  /** These go with what they name and what refers to them, as far as nothing else needs it. */
  readonly roots: readonly Digest[];
  /** For the commit. */
  readonly rule: string;
  readonly client: string;
  readonly author: Identity;
  readonly signal: AbortSignal;
}

export interface Deleted {
  readonly tags: number;
  readonly manifests: number;
}

const MAX_ATTEMPTS = 5;
const NOTHING: Deleted = { tags: 0, manifests: 0 };

/** Deletes tags and manifests by one commit, from a state of which the index knows all; other pushes go on meanwhile. */
export async function deleteFromRepository(oci: OciStore, deletion: RepositoryDeletion): Promise<Deleted> {
  const { repository, signal, author } = deletion;
  const step = async () => !signal.aborted;
  const lost = await findLost(oci, step, repository);
  if (lost !== undefined) {
    // The row may be a tag that keeps a manifest.
    oci.damaged({ reason: `it lacks ${lost}`, path: oci.location.indexPath, isMissing: true });
    return NOTHING;
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS && !signal.aborted; attempt++) {
    let isOutdated = false;
    let deleted = NOTHING;
    await oci.store.transact(async (parent) => {
      isOutdated = await hasChanged(oci, repository, parent);
      if (isOutdated) return { changes: [], author, message: "" };
      const draft = await draftOf(oci, deletion, parent);
      deleted = draft.deleted;
      return draft;
    });
    if (!isOutdated) return deleted;
  }
  return NOTHING;
}

/** Whether the repository has changed since the state that the index knows. */
async function hasChanged(oci: OciStore, repository: RepositoryName, parent: Snapshot): Promise<boolean> {
  const known = oci.derived.head;
  if (known === parent.commitId || known === undefined) return known === undefined;
  const before = await oci.store.at(known);
  for await (const _ of oci.store.diffBelow(repositoryPath(repository), before, parent)) return true;
  return false;
}

async function draftOf(
  { index }: OciStore,
  { repository, tags, roots, rule, client, author }: RepositoryDeletion,
  parent: Snapshot,
) {
  const moves: TagMove[] = [];
  for (const [tag, digest] of tags)
    if ((await tagTarget(parent, repository, tag)) === digest) moves.push({ tag, previous: digest });
  const manifests = goingManifests(index, repository, roots, new Set(moves.map(({ tag }) => tag)));
  const changes: Change[] = [
    ...moves.map(({ tag }) => ({ path: tagPath(repository, tag), content: null })),
    ...[...manifests].map((digest) => ({ path: manifestPath(repository, digest), content: null })),
  ];
  const message = formatEvent({ kind: "cleanup", repository, tags: moves, rule, client });
  return { changes, author, message, deleted: { tags: moves.length, manifests: manifests.size } };
}
