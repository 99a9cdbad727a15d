import type { Digest } from "../../../primitives/digest.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { attachmentKey, subjectInTag } from "../content/attached-tags.ts";
import { isOwnTag } from "../mirror/own-tag.ts";
import { formatSyncRule, type SyncRule, selectsTag } from "../policy/sync-rules.ts";
import { deleteFromRepository } from "../store/repository-deletion.ts";
import { CopyFault } from "./copy-fault.ts";
import type { PatientUpstream } from "./patient-upstream.ts";

export interface GoneTagsOptions {
  readonly upstream: PatientUpstream;
  readonly rule: SyncRule;
  /** All tags that upstream's repository has, as it lists them. */
  readonly tags: readonly Tag[];
  readonly isDryRun: boolean;
}

/**
 * Deletes the tags of a rule that upstream has no more, with the manifests that upstream has no more either, in one commit. Only
 * what came from upstream is deleted, and of each tag upstream says itself that it is gone. Throws `CopyFault` where more are
 * gone than the rule allows.
 */
export async function deleteGoneTags(options: GoneTagsOptions): Promise<readonly Tag[]> {
  const { upstream, rule, tags: listed, isDryRun } = options;
  const { deletesPercent } = rule;
  if (deletesPercent === undefined) return [];
  const { registry, repository } = upstream.request;
  const ours = registry.oci.index.tagTargets(repository);
  const theirs = new Set(listed);
  const mirrored: Tag[] = [];
  for (const tag of ours.keys())
    if (selectsTag(rule, tag) && !(await isOwnTag(registry.oci, repository, tag))) mirrored.push(tag);
  const missing = mirrored.filter((tag) => !theirs.has(tag));
  if (missing.length === 0) return [];
  refuseTooMany(missing.length, mirrored.length, options);
  const gone: Tag[] = [];
  for (const tag of missing) if (!(await isThere(upstream, { kind: "tag", tag }))) gone.push(tag);
  for (const tag of attachedTo(gone, ours))
    if (
      !theirs.has(tag) &&
      !(await isOwnTag(registry.oci, repository, tag)) &&
      !(await isThere(upstream, { kind: "tag", tag }))
    )
      gone.push(tag);
  if (gone.length > 0 && !isDryRun) await commitDeletion(options, gone, ours);
  return gone;
}

function refuseTooMany(missing: number, held: number, { tags, rule }: GoneTagsOptions): void {
  const { repository, deletesPercent = 0 } = rule;
  if (tags.length === 0)
    throw new CopyFault(`upstream lists no tags of '${repository}' any more: nothing is deleted`);
  if (missing <= Math.max(1, Math.floor((held * deletesPercent) / 100))) return;
  throw new CopyFault(
    `upstream lists ${missing} of the ${held} tags of '${repository}' no more, which is above ${deletesPercent}%: nothing is deleted; 'sync-deletes=100%' in the rule allows it`,
  );
}

/** Signatures and the like go with the last of the tags of their image. */
function attachedTo(gone: readonly Tag[], ours: ReadonlyMap<Tag, Digest>): readonly Tag[] {
  const going = new Set(gone);
  const [leaving, staying] = [new Set<string>(), new Set<string>()];
  for (const [tag, digest] of ours) (going.has(tag) ? leaving : staying).add(attachmentKey(digest));
  return [...ours.keys()].filter((tag) => {
    const key = subjectInTag(tag)?.key;
    return key !== undefined && leaving.has(key) && !staying.has(key);
  });
}

async function isThere(
  upstream: PatientUpstream,
  reference:
    | { readonly kind: "tag"; readonly tag: Tag }
    | { readonly kind: "digest"; readonly digest: Digest },
): Promise<boolean> {
  const { from } = upstream.request;
  return (
    (await upstream.ask((signal) => from.upstream.headManifest(from.name, reference, signal))) !== undefined
  );
}

async function commitDeletion(
  { upstream, rule }: GoneTagsOptions,
  gone: readonly Tag[],
  ours: ReadonlyMap<Tag, Digest>,
): Promise<void> {
  const { registry, repository, author } = upstream.request;
  const roots: Digest[] = [];
  for (const digest of new Set(gone.flatMap((tag) => ours.get(tag) ?? [])))
    if (!(await isThere(upstream, { kind: "digest", digest }))) roots.push(digest);
  await deleteFromRepository(registry.oci, {
    repository,
    tags: new Map(
      gone.flatMap((tag) => {
        const digest = ours.get(tag);
        return digest ? [[tag, digest]] : [];
      }),
    ),
    roots,
    rule: `sync=${formatSyncRule(rule)}`,
    client: "sync",
    author: author.identity,
    signal: upstream.signal,
  });
}
