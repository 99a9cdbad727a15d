import type { Digest } from "../../primitives/digest.ts";
import type { Identity } from "../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../primitives/store/git/object-id.ts";
import type { Snapshot } from "../../primitives/store/snapshot.ts";
import type { Expectation } from "../../primitives/store/store.ts";
import type { Change } from "../../primitives/store/tree-edit.ts";
import { ManifestFault, parseManifest } from "../../registry/manifest.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type { Tag } from "../../registry/tag.ts";
import { manifestPath, parseOciPath, tagPath, tagsPrefix } from "./layout.ts";
import type { OciStore } from "./oci-store.ts";
import { tagTarget } from "./tag-target.ts";

/** What becomes of one tag; `after` is `undefined` for one that was not there then. */
export interface TagRestore {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly before: Digest | undefined;
  readonly after: Digest | undefined;
}

/** What bringing back a past state would take. */
export interface RestorePlan {
  /** `undefined`: all of them. */
  readonly repository: RepositoryName | undefined;
  /** The commit whose state is brought back. */
  readonly from: ObjectId;
  readonly moves: readonly TagRestore[];
  readonly changes: readonly Change[];
  /** The tags' files now: what the plan was made for. */
  readonly expected: readonly Expectation[];
  /** Manifests and blobs of which the bytes are gone. */
  readonly missing: readonly Digest[];
}

/** Looks what a tag, or each tag of a repository, was at a commit, and what differs now. Changes nothing. */
export async function planRestore(
  oci: OciStore,
  repository: RepositoryName,
  tag: Tag | undefined,
  from: ObjectId,
): Promise<RestorePlan> {
  const [then, now] = [await oci.store.at(from), oci.store.head()];
  const tags = tag ? [tag] : await tagsOfEither(repository, then, now);
  const moves: TagRestore[] = [];
  const changes: Change[] = [];
  const expected: Expectation[] = [];
  const missing = new Set<Digest>();
  const seen = new Set<Digest>();
  for (const name of tags) {
    const before = await tagTarget(now, repository, name);
    const after = await tagTarget(then, repository, name);
    if (before === after) continue;
    moves.push({ repository, tag: name, before, after });
    const path = tagPath(repository, name);
    expected.push({ path, fileId: await now.fileId(path) });
    changes.push({ path, content: after ? Buffer.from(`${after}\n`) : null });
    if (after) await collectManifests(oci, repository, then, after, { changes, missing, seen });
  }
  return { repository, from, moves, changes, expected, missing: [...missing] };
}

/** Like `planRestore`, for every repository. */
export async function planRestoreAll(oci: OciStore, from: ObjectId): Promise<RestorePlan> {
  const { commitId } = oci.store.head();
  const repositories = new Set<RepositoryName>();
  if (commitId) {
    for await (const { path } of oci.store.diff(from, commitId)) {
      const file = parseOciPath(path);
      if (file?.kind === "tag") repositories.add(file.repository);
    }
  }
  const plans: RestorePlan[] = [];
  for (const repository of [...repositories].sort())
    plans.push(await planRestore(oci, repository, undefined, from));
  return {
    repository: undefined,
    from,
    moves: plans.flatMap(({ moves }) => moves),
    changes: plans.flatMap(({ changes }) => changes),
    expected: plans.flatMap(({ expected }) => expected),
    missing: [...new Set(plans.flatMap(({ missing }) => missing))],
  };
}

/** Carries a plan out as one commit that names what it restores. Rejects with `StaleReadError` if a tag has moved since. */
export async function restore(oci: OciStore, plan: RestorePlan, author: Identity): Promise<void> {
  const { repository, from, moves, changes, expected } = plan;
  const [only] = moves.length === 1 && repository ? moves : [];
  const tags = moves.flatMap(({ tag, before }) => [
    `Tag: ${tag}`,
    ...(before ? [`Previous: ${before}`] : []),
  ]);
  const trailers = [
    // Tags are told with their repository; of all of them the commit itself tells.
    ...(repository ? [`Repository: ${repository}`, ...tags] : []),
    ...(only?.after ? [`Digest: ${only.after}`] : []),
    `Restores: ${from}`,
    "Client: console",
  ];
  const what = repository ? `${repository}${only ? `:${only.tag}` : ""}` : "all repositories";
  const message = `restore ${what}\n\n${trailers.join("\n")}`;
  await oci.store.commit(changes, { author, message }, expected);
}

async function tagsOfEither(repository: RepositoryName, ...states: readonly Snapshot[]): Promise<Tag[]> {
  const tags = new Set<Tag>();
  for (const state of states) {
    for await (const { path } of state.list(tagsPrefix(repository))) {
      const file = parseOciPath(path);
      if (file?.kind === "tag") tags.add(file.tag);
    }
  }
  return [...tags].sort();
}

interface Collected {
  readonly changes: Change[];
  readonly missing: Set<Digest>;
  readonly seen: Set<Digest>;
}

/** The manifest with all that it refers to, as it was `then`. */
async function collectManifests(
  oci: OciStore,
  repository: RepositoryName,
  then: Snapshot,
  top: Digest,
  { changes, missing, seen }: Collected,
): Promise<void> {
  const pending = [top];
  for (let digest = pending.pop(); digest; digest = pending.pop()) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    const path = manifestPath(repository, digest);
    const content = await then.read(path);
    const manifest = content && parseManifest(content);
    if (!content || !manifest || manifest instanceof ManifestFault) {
      missing.add(digest);
      continue;
    }
    changes.push({ path, content });
    for (const blob of manifest.blobs) {
      oci.recency.touch(blob);
      if (oci.blobs.size(blob) === undefined) missing.add(blob);
    }
    pending.push(...manifest.manifests);
  }
}
