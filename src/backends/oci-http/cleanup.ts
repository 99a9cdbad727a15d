import type { Digest } from "../../primitives/digest.ts";
import type { JobRun } from "../../primitives/jobs/job-runner.ts";
import { type Draft, SYSTEM_IDENTITY } from "../../primitives/store/commit-group.ts";
import type { Snapshot } from "../../primitives/store/snapshot.ts";
import type { Change } from "../../primitives/store/tree-edit.ts";
import { ManifestFault, parseManifest } from "../../registry/manifest.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type { Tag } from "../../registry/tag.ts";
import { type CleanupRule, expiredTags, formatCleanupRule, ruleFor } from "./cleanup-rules.ts";
import { manifestPath, repositoryPath, tagPath } from "./layout.ts";
import type { OciStore } from "./oci-store.ts";

export interface Cleaned {
  readonly tags: number;
  readonly manifests: number;
  /** What went, or would go, a line each. */
  readonly lines: readonly string[];
}

const MAX_TAGS = 1_000_000;
const MAX_ATTEMPTS = 5;

/** Deletes the tags and manifests that the rules let go, in one commit for each repository. */
export async function applyCleanupRules(
  oci: OciStore,
  rules: readonly CleanupRule[],
  { isDryRun, signal, progress }: JobRun,
): Promise<Cleaned> {
  await oci.history.catchUp();
  const lines: string[] = [];
  let [tagCount, manifestCount] = [0, 0];
  for (const repository of rules.length > 0 ? oci.index.repositoriesAfter("") : []) {
    const rule = ruleFor(rules, repository);
    if (!rule) continue;
    if (signal.aborted) break;
    progress(`${oci.location.store}: the rule for ${repository}`);
    await Bun.sleep(0);
    const { tags, manifests } = isDryRun ? choose(oci, repository, rule) : await clean(oci, repository, rule);
    for (const tag of tags) lines.push(`${repository}:${tag}`);
    for (const digest of manifests) lines.push(`${repository}@${digest}`);
    tagCount += tags.length;
    manifestCount += manifests.length;
  }
  return { tags: tagCount, manifests: manifestCount, lines };
}

/** Manifests that no tag leads to, directly or through an index, and whose subject is gone, for long enough. */
function unusedManifests(
  oci: OciStore,
  repository: RepositoryName,
  { untaggedSeconds }: CleanupRule,
): Digest[] {
  if (untaggedSeconds === undefined) return [];
  const before = Math.floor(Date.now() / 1000) - untaggedSeconds;
  const untagged = oci.index.untagged(repository);
  const needed = new Set<Digest>();
  const isOld = (digest: Digest) => (oci.history.mentionedAt(repository, digest) ?? 0) < before;
  const candidates = new Set(untagged.filter(isOld));
  if (candidates.size === 0) return [];
  // What an index names stays as long as the index does.
  for (const parent of oci.index.manifestsOf(repository)) {
    if (candidates.has(parent)) continue;
    for (const child of childrenOf(oci, repository, parent)) needed.add(child);
  }
  for (let grew = true; grew; ) {
    grew = false;
    for (const digest of candidates) {
      if (!needed.has(digest) && !isReferrer(oci, repository, digest)) continue;
      candidates.delete(digest);
      for (const child of childrenOf(oci, repository, digest)) {
        if (!needed.has(child)) grew = true;
        needed.add(child);
      }
    }
  }
  return [...candidates];
}

function childrenOf(oci: OciStore, repository: RepositoryName, digest: Digest): readonly Digest[] {
  const content = oci.index.manifest(repository, digest)?.content;
  const manifest = content && parseManifest(content);
  return manifest && !(manifest instanceof ManifestFault) ? manifest.manifests : [];
}

/** A signature or other referrer belongs to its subject and has no tag by design. */
function isReferrer(oci: OciStore, repository: RepositoryName, digest: Digest): boolean {
  const content = oci.index.manifest(repository, digest)?.content;
  const manifest = content && parseManifest(content);
  if (!manifest || manifest instanceof ManifestFault || !manifest.subject) return false;
  return oci.index.hasManifest(repository, manifest.subject);
}

interface Chosen {
  readonly tags: readonly Tag[];
  readonly manifests: readonly Digest[];
}

function choose(oci: OciStore, repository: RepositoryName, rule: CleanupRule): Chosen {
  const tags = expiredTags(rule, oci.index.tags(repository, "", MAX_TAGS), oci.history.movedAt(repository));
  return { tags, manifests: unusedManifests(oci, repository, rule) };
}

/** Chooses again when somebody has pushed meanwhile, and leaves a repository that never rests to the next run. */
async function clean(oci: OciStore, repository: RepositoryName, rule: CleanupRule): Promise<Chosen> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    await oci.history.catchUp();
    const before = oci.store.head();
    const chosen = choose(oci, repository, rule);
    if (chosen.tags.length === 0 && chosen.manifests.length === 0) return chosen;
    const { changed } = await oci.store.transact((parent) =>
      draftOf(oci, repository, rule, chosen, before, parent),
    );
    if (changed) return chosen;
  }
  return { tags: [], manifests: [] };
}

async function draftOf(
  oci: OciStore,
  repository: RepositoryName,
  rule: CleanupRule,
  { tags, manifests }: Chosen,
  before: Snapshot,
  parent: Snapshot,
): Promise<Draft> {
  const path = repositoryPath(repository);
  const isSame = (await parent.entryId(path)) === (await before.entryId(path));
  const trailers = tags.flatMap((tag) => [
    `Tag: ${tag}`,
    `Previous: ${oci.index.tagDigest(repository, tag)}`,
  ]);
  const lines = [`Repository: ${repository}`, ...trailers, `Rule: ${formatCleanupRule(rule)}`, "Client: gc"];
  const changes: Change[] = [
    ...tags.map((tag) => ({ path: tagPath(repository, tag), content: null })),
    ...manifests.map((digest) => ({ path: manifestPath(repository, digest), content: null })),
  ];
  return {
    changes: isSame ? changes : [],
    author: SYSTEM_IDENTITY,
    message: `clean up ${repository}\n\n${lines.join("\n")}`,
  };
}
