import type { Digest } from "../../../primitives/digest.ts";
import type { CommitWalk } from "../../../primitives/store/commits/commit-walk.ts";
import type { Commit } from "../../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseStoredManifest, referencedDigests } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { parseOciPath } from "../content/layout.ts";
import { isPruning, onlyAdds } from "../content/store-event.ts";
import { digestInTag } from "../content/tag-target.ts";

/** The changes of a commit that its message does not list. */
export interface CommitEffects {
  /** Digests named by the manifests that the commit removed. */
  readonly removed: Set<Digest>;
  readonly moves: { readonly repository: RepositoryName; readonly tag: Tag; readonly isSet: boolean }[];
  /** Manifests that the commit added, or that gained or lost a tag. */
  readonly mentions: { readonly repository: RepositoryName; readonly digest: Digest }[];
}

/** A commit with its effects, ready to be added to the history. */
export interface WalkedCommit {
  readonly id: ObjectId;
  readonly commit: Commit;
  readonly effects: CommitEffects;
}

/** `step` is called between changed files and may wait; false ends the walk. For a push the message is enough. */
export async function walkCommit(
  walk: CommitWalk,
  id: ObjectId,
  step: () => Promise<boolean>,
): Promise<WalkedCommit> {
  const commit = await walk.commit(id);
  const effects: CommitEffects = { removed: new Set(), moves: [], mentions: [] };
  const [parent] = commit.parents;
  if (onlyAdds(commit)) return { id, commit, effects };
  const keepsRemoved = !isPruning(commit);
  for await (const { path, before, after } of walk.diff(parent, id)) {
    if (!(await step())) break;
    const file = parseOciPath(path);
    if (!file) continue;
    const { repository } = file;
    if (file.kind === "tag") {
      effects.moves.push({ repository, tag: file.tag, isSet: after !== undefined });
      for (const state of [before, after]) {
        const digest = state && digestInTag(await walk.file(state));
        if (digest) effects.mentions.push({ repository, digest });
      }
    } else if (before && !after) {
      if (!keepsRemoved) continue;
      const manifest = parseStoredManifest(await walk.file(before));
      for (const named of manifest ? referencedDigests(manifest) : []) effects.removed.add(named);
    } else {
      effects.mentions.push({ repository, digest: file.digest });
    }
  }
  return { id, commit, effects };
}
