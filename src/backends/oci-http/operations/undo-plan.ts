import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type ContentChange, changesBetween } from "../content/content-changes.ts";
import { manifestPath } from "../content/layout.ts";
import { tagTarget } from "../content/tag-target.ts";
import type { OciStore } from "../store/oci-store.ts";
import { AddedManifests } from "./added-manifests.ts";
import type { RestorePlan, TagRestore } from "./restore-plan.ts";
import { RestoredManifests } from "./restored-manifests.ts";

/** How many manifests an undo restores, deletes, and keeps although the commit added them. */
export interface UndoneManifests {
  readonly restored: number;
  readonly deleted: number;
  /** A tag or manifest that was pushed since needs them. */
  readonly needed: number;
  /** The actor may not delete them. */
  readonly undeletable: number;
}

export interface UndoPlan {
  readonly plan: RestorePlan & { readonly undoes: ObjectId };
  readonly manifests: UndoneManifests;
  /** Tags that have changed since the commit: they prevent the undo. */
  readonly moved: readonly TagRestore[];
}

export interface UndoOptions {
  readonly commit: ObjectId;
  /** Whether manifests that the commit added may be deleted again. */
  readonly mayDelete: (repository: RepositoryName) => boolean;
}

/** The changes of one commit that still stand, by repository. */
class StandingChanges {
  readonly moves: TagRestore[] = [];
  readonly moved: TagRestore[] = [];
  readonly added: { readonly repository: RepositoryName; readonly digest: Digest }[] = [];
  readonly removed: { readonly repository: RepositoryName; readonly digest: Digest }[] = [];

  /** A tag or manifest that has the state before the commit already is left as it is. */
  async add(change: ContentChange, now: Snapshot): Promise<void> {
    const { repository } = change;
    if (change.kind === "manifest") {
      const { digest, isThere } = change;
      const stands = ((await now.fileId(manifestPath(repository, digest))) !== undefined) === isThere;
      if (stands) (isThere ? this.added : this.removed).push({ repository, digest });
      return;
    }
    const { tag, before, after } = change;
    const current = await tagTarget(now, repository, tag);
    const move = { repository, tag, before: current, after: before };
    if (current !== before) (current === after ? this.moves : this.moved).push(move);
  }
}

/** Plans to give what one commit changed the state before it. Changes nothing. */
export async function planUndo(oci: OciStore, options: UndoOptions): Promise<UndoPlan> {
  const { commit, mayDelete } = options;
  const [parent] = (await oci.store.commitAt(commit)).parents;
  const [then, now] = [await oci.store.at(parent), oci.store.head()];
  const changes = new StandingChanges();
  const repositories = new Set<RepositoryName>();
  const pace = new Pace(1);
  for await (const change of changesBetween(oci.store, parent, commit)) {
    await pace.rest();
    repositories.add(change.repository);
    await changes.add(change, now);
  }
  const { moves, moved, removed } = changes;
  const restored = await restoredManifests(oci, changes, then, now);
  const added = new AddedManifests(oci, now, {
    added: changes.added.filter(({ repository }) => mayDelete(repository)),
    moves,
    restored: new Set(restored.changes.map(({ path }) => path)),
  });
  const deleted = await added.unneeded();
  const [only] = repositories.size === 1 ? repositories : [];
  return {
    plan: {
      repository: only,
      from: parent,
      moves,
      manifests: [...restored.changes, ...deleted],
      untagged: removed.length,
      blobs: restored.blobs,
      missing: restored.missing,
      undoes: commit,
      check: (state) => added.neededSince(state),
    },
    manifests: {
      restored: removed.length,
      deleted: deleted.length,
      needed: added.candidates - deleted.length,
      undeletable: changes.added.length - added.candidates,
    },
    moved,
  };
}

/** What the tags and manifests need that get the state before the commit. */
async function restoredManifests(
  oci: OciStore,
  { moves, removed }: StandingChanges,
  then: Snapshot,
  now: Snapshot,
): Promise<{ readonly changes: Change[]; readonly blobs: Set<Digest>; readonly missing: Digest[] }> {
  const digests = new Map<RepositoryName, Digest[]>();
  const add = (repository: RepositoryName, digest: Digest) => {
    const known = digests.get(repository);
    if (known) known.push(digest);
    else digests.set(repository, [digest]);
  };
  for (const { repository, after } of moves) if (after) add(repository, after);
  for (const { repository, digest } of removed) add(repository, digest);
  const [changes, blobs, missing]: [Change[], Set<Digest>, Digest[]] = [[], new Set(), []];
  for (const [repository, tops] of digests) {
    const manifests = new RestoredManifests(oci, repository, then, now);
    for (const top of tops) await manifests.add(top);
    await manifests.addDeleted({ untagged: false });
    for (const change of manifests.changes) changes.push(change);
    for (const blob of manifests.blobs) blobs.add(blob);
    missing.push(...manifests.missing);
  }
  return { changes, blobs, missing };
}
