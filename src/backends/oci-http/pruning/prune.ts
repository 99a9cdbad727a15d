import type { Digest } from "../../../primitives/digest.ts";
import { allOf } from "../../../primitives/jobs/all-of.ts";
import type { JobRun } from "../../../primitives/jobs/job-runner.ts";
import { SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import { counted } from "../../../primitives/text/counted.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Mirrors } from "../mirror/mirrors.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import { deleteFromRepository } from "../store/repository-deletion.ts";
import { type Chosen, chooseImages } from "./chosen-images.ts";
import { type KeepingRules, type MirroredImage, mirroredImages } from "./prunable-images.ts";
import { UpstreamCheck } from "./upstream-check.ts";

export interface Pruned {
  readonly tags: number;
  readonly manifests: number;
  /** What was pruned (in a dry run: what would be), and what kept the rest, one per line. */
  readonly lines: readonly string[];
}

export interface PruneOptions {
  readonly config: InstanceConfig;
  /** Those of all registries that use the store. */
  readonly keeping: KeepingRules;
  /** What was fetched or pulled within this time stays, as its blobs would stay. */
  readonly graceSeconds: number;
  readonly mirrors: Pick<Mirrors, "ask" | "noteFailure" | "canAsk">;
  readonly run: Pick<JobRun, "isDryRun" | "signal" | "progress">;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const ASKED_AT_ONCE = 8;

/** Deletes what a mirror is not to keep any longer, if upstream still has it: it is fetched again when it is pulled. */
export async function pruneMirror(oci: OciStore, options: PruneOptions): Promise<Pruned> {
  const { config, mirrors, run } = options;
  if (!mirrors.canAsk) {
    const line = `'${config.name}' is not pruned: only a running server asks upstream before it deletes`;
    return { tags: 0, manifests: 0, lines: [line] };
  }
  await oci.history.catchUp(run.signal);
  await oci.pulls.refresh();
  const check = new UpstreamCheck(mirrors, config.name, run.signal);
  const images = await imagesOf(oci, options, check);
  const { chosen, inUse } = await chooseImages(oci, options, images);
  const confirmed: Chosen[] = [];
  // Each is asked about; those that were not pulled for the longest time come first.
  await allOf(chosen.toReversed(), ASKED_AT_ONCE, async (each) => {
    if (await check.has(each.image)) confirmed.push(each);
  });
  run.signal.throwIfAborted();
  const pruned = run.isDryRun ? countOf(confirmed) : await deleteAll(oci, confirmed, run.signal);
  return { ...pruned, lines: [...confirmed.flatMap(linesOf).sort(), ...notesOf(check, inUse)] };
}

/** All images that come from an upstream, those first that stay anyway, then the one that was used last. */
async function imagesOf(
  oci: OciStore,
  { keeping, run }: PruneOptions,
  check: UpstreamCheck,
): Promise<MirroredImage[]> {
  const images: MirroredImage[] = [];
  let looked = 0;
  for (const repository of oci.index.repositoriesAfter("")) {
    run.signal.throwIfAborted();
    // Users who may list the jobs may not see every repository: the progress names none.
    run.progress(
      `${oci.location.store}: last pulls of ${counted(looked++, "repository", "repositories")} looked at`,
    );
    await Bun.sleep(0);
    if (!check.requestFor(repository)) continue;
    for await (const image of mirroredImages(oci, repository, keeping, run.signal))
      if (!image.isOwn) images.push(image);
  }
  return images.sort((a, b) => Number(b.isKept) - Number(a.isKept) || b.usedAt - a.usedAt);
}

/** One commit for each repository and setting. */
async function deleteAll(
  oci: OciStore,
  confirmed: readonly Chosen[],
  signal: AbortSignal,
): Promise<Pick<Pruned, "tags" | "manifests">> {
  const groups = Map.groupBy(confirmed, ({ image, rule }) => `${image.repository} ${rule}`);
  let [tagCount, manifestCount] = [0, 0];
  for (const group of groups.values()) {
    const [first] = group;
    if (!first || signal.aborted) break;
    const { repository } = first.image;
    const roots = group.flatMap(({ image }) => [image.digest, ...image.manifests]);
    const { tags, manifests } = await deleteFromRepository(oci, {
      repository,
      tags: targetsOf(
        oci,
        repository,
        group.flatMap(({ image }) => image.tags),
      ),
      roots,
      rule: first.rule,
      client: "gc",
      author: SYSTEM_IDENTITY,
      signal,
    });
    tagCount += tags;
    manifestCount += manifests;
  }
  return { tags: tagCount, manifests: manifestCount };
}

function targetsOf(
  { index }: OciStore,
  repository: RepositoryName,
  tags: readonly Tag[],
): ReadonlyMap<Tag, Digest> {
  const targets = new Map<Tag, Digest>();
  for (const tag of tags) {
    const digest = index.tagDigest(repository, tag);
    if (digest) targets.set(tag, digest);
  }
  return targets;
}

function countOf(confirmed: readonly Chosen[]): Pick<Pruned, "tags" | "manifests"> {
  return {
    tags: confirmed.reduce((sum, { image }) => sum + image.tags.length, 0),
    manifests: confirmed.reduce((sum, { image }) => sum + image.manifests.size, 0),
  };
}

function linesOf({ image: { repository, digest, tags, pulled }, rule }: Chosen): string[] {
  const last = pulled ? `last pull ${pulled.toISOString().slice(0, 10)}` : "no pull is known";
  const names = tags.length > 0 ? tags.map((tag) => `${repository}:${tag}`) : [`${repository}@${digest}`];
  return names.map((name) => `${name} (${rule}, ${last})`);
}

function notesOf({ gone, refused, stopped }: UpstreamCheck, inUse: number): string[] {
  const images = (count: number) => counted(count, "image");
  return [
    ...(inUse > 0 ? [`kept for now: ${images(inUse)} fetched or pulled within gc-grace`] : []),
    ...(gone > 0
      ? [`kept: ${images(gone)} that upstream has no more; '/oci rm' or a cleanup rule deletes them`]
      : []),
    ...(refused ? [`kept: ${images(refused.count)} that upstream does not give: ${refused.reason}`] : []),
    ...[...stopped.values()].map((reason) => `stopped: ${reason}`),
  ];
}
