import type { Digest } from "../../../primitives/digest.ts";
import type { CommitWalk } from "../../../primitives/store/commits/commit-walk.ts";
import type { StorePath } from "../../../primitives/store/commits/store-path.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseStoredManifest, referencedDigests } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseOciPath, TAGS } from "../content/layout.ts";
import { isPruning, onlyAdds } from "../content/store-event.ts";

/** A manifest whose references must all be kept. */
export interface NeededManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly path: StorePath;
  /** Every digest that the manifest names. */
  readonly named: readonly Digest[];
  readonly why:
    | { readonly kind: "stored" }
    /** A registry serves the state at this commit. */
    | { readonly kind: "frozen"; readonly at: ObjectId }
    /** The manifest was removed and can still be restored. */
    | { readonly kind: "removed"; readonly by: ObjectId; readonly seconds: number };
}

export interface NeededOptions {
  readonly head: ObjectId;
  readonly frozen: readonly ObjectId[];
  /** Manifests removed after this time (seconds since the epoch) are needed; `undefined`: all removed ones. */
  readonly retainedSince: number | undefined;
  /** A faster source for a manifest's bytes than the commit; the bytes have that digest. */
  readonly contentOf: (repository: RepositoryName, digest: Digest) => Uint8Array | undefined;
  /** Called between steps and may wait; false ends the walk. */
  readonly step: () => Promise<boolean>;
}

/** The clock may have been set back for some commits; after this many consecutive old commits the walk ends. */
const MAX_OLD_COMMITS = 1000;

/** The needed manifests according to the commits, read without an index. Some may be yielded more than once. */
export async function* neededManifests(
  walk: CommitWalk,
  { head, frozen, retainedSince, contentOf, step }: NeededOptions,
): AsyncGenerator<NeededManifest> {
  const manifestAt = async (path: StorePath, file: ObjectId, why: NeededManifest["why"]) => {
    const place = parseOciPath(path);
    if (place?.kind !== "manifest") return undefined;
    const { repository, digest } = place;
    const known = why.kind === "stored" ? contentOf(repository, digest) : undefined;
    const manifest = parseStoredManifest(known ?? (await walk.file(file)));
    return manifest && { repository, digest, path, named: referencedDigests(manifest), why };
  };
  const states: [from: ObjectId | undefined, to: ObjectId, why: NeededManifest["why"]][] = [
    [undefined, head, { kind: "stored" }],
    ...frozen.map((at): (typeof states)[number] => [head, at, { kind: "frozen", at }]),
  ];
  for (const [from, to, why] of states) {
    for await (const { path, after } of walk.diff(from, to, isNoTags)) {
      if (!(await step())) return;
      const manifest = after && (await manifestAt(path, after, why));
      if (manifest) yield manifest;
    }
  }
  let old = 0;
  for await (const { id, commit } of walk.history(head)) {
    if (!(await step())) return;
    const { seconds } = commit.committer;
    if (retainedSince !== undefined && seconds <= retainedSince) {
      if (++old === MAX_OLD_COMMITS) return;
      continue;
    }
    old = 0;
    const [parent] = commit.parents;
    if (!parent || onlyAdds(commit) || isPruning(commit)) continue;
    for await (const { path, before, after } of walk.diff(parent, id, mayLose)) {
      if (!(await step())) return;
      if (!before || after) continue;
      const manifest = await manifestAt(path, before, { kind: "removed", by: id, seconds });
      if (manifest) yield manifest;
    }
  }
}

const isNoTags = (directory: string) => !directory.endsWith(`/${TAGS}`);
/** A new directory cannot have lost a manifest. */
const mayLose = (directory: string, isNew: boolean) => !isNew && isNoTags(directory);
