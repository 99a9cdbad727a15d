import type { Digest } from "../../../primitives/digest.ts";
import { allOf } from "../../../primitives/jobs/all-of.ts";
import type { JobRun } from "../../../primitives/jobs/job-runner.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import { writeSize } from "../../../primitives/text/byte-size.ts";
import { counted } from "../../../primitives/text/counted.ts";
import { formatDuration } from "../../../primitives/text/duration.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Mirrors } from "../mirror/mirrors.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { sizeLookup } from "../store/blob-lookup.ts";
import type { OciStore } from "../store/oci-store.ts";
import { deleteFromRepository } from "../store/repository-deletion.ts";
import { type MirroredImage, mirroredImages } from "./prunable-images.ts";
import { UpstreamCheck } from "./upstream-check.ts";

export interface Pruned {
  readonly tags: number;
  readonly manifests: number;
  /** What was pruned (in a dry run: what would be), and what kept the rest, one per line. */
  readonly lines: readonly string[];
}

export interface PruneOptions {
  readonly config: InstanceConfig;
  readonly mirrors: Pick<Mirrors, "ask" | "noteFailure">;
  readonly run: Pick<JobRun, "isDryRun" | "signal" | "progress">;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const ASKED_AT_ONCE = 8;

interface Chosen {
  readonly image: MirroredImage;
  readonly rule: string;
}

/** Deletes what a mirror is not to keep any longer, if upstream still has it: it is fetched again when it is pulled. */
export async function pruneMirror(oci: OciStore, options: PruneOptions): Promise<Pruned> {
  const { config, mirrors, run } = options;
  await oci.history.catchUp(run.signal);
  await oci.pulls.refresh();
  const check = new UpstreamCheck(mirrors, config.name, run.signal);
  const images = await imagesOf(oci, options, check);
  const chosen = await choose(oci, options, images);
  const confirmed: Chosen[] = [];
  // Each is asked about; those that were not pulled for the longest time come first.
  await allOf(chosen.toReversed(), ASKED_AT_ONCE, async (each) => {
    if (await check.has(each.image)) confirmed.push(each);
  });
  run.signal.throwIfAborted();
  const pruned = run.isDryRun ? countOf(confirmed) : await deleteAll(oci, confirmed, run.signal);
  return { ...pruned, lines: [...confirmed.flatMap(linesOf).sort(), ...notesOf(check)] };
}

/** All images that come from an upstream, those first that stay anyway, then the one that was used last. */
async function imagesOf(
  oci: OciStore,
  { config, run }: PruneOptions,
  check: UpstreamCheck,
): Promise<MirroredImage[]> {
  const images: MirroredImage[] = [];
  let looked = 0;
  for (const repository of oci.index.repositoriesAfter("")) {
    run.signal.throwIfAborted();
    // Users who may list the jobs may not see every repository: the progress names none.
    run.progress(`${oci.location.store}: last pulls of ${looked++} repositories looked at`);
    await Bun.sleep(0);
    if (!check.requestFor(repository)) continue;
    for await (const image of mirroredImages(oci, repository, config, run.signal))
      if (!image.isOwn) images.push(image);
  }
  return images.sort((a, b) => Number(b.isKept) - Number(a.isKept) || b.usedAt - a.usedAt);
}

async function choose(
  oci: OciStore,
  { config, run, now = Date.now }: PruneOptions,
  images: readonly MirroredImage[],
): Promise<Chosen[]> {
  const { keepPulled, keepSize } = config;
  const chosen: Chosen[] = [];
  const left: MirroredImage[] = [];
  const since = oci.pulls.times.since.getTime();
  for (const image of images) {
    const unusedMs = now() - Math.max(image.usedAt, since);
    const isExpired = keepPulled !== undefined && !image.isKept && unusedMs > keepPulled * 1000;
    if (isExpired) chosen.push({ image, rule: `keep-pulled=${formatDuration(keepPulled)}` });
    else left.push(image);
  }
  if (keepSize === undefined) return chosen;
  const measure = new Measure(oci, run.signal);
  let bytes = 0;
  const beyond: Chosen[] = [];
  for (const image of left) {
    bytes += await measure.added(image);
    if (bytes > keepSize && !image.isKept) beyond.push({ image, rule: `keep-size=${writeSize(keepSize)}` });
  }
  return [...beyond, ...chosen];
}

/** Bytes of blobs that are here, each counted with the first image that names it. */
class Measure {
  readonly #oci: OciStore;
  readonly #pace: Pace;
  readonly #sizeOf: (blob: Digest) => Promise<number>;
  readonly #counted = new Set<Digest>();

  constructor(oci: OciStore, signal: AbortSignal) {
    this.#oci = oci;
    this.#pace = new Pace(1, signal);
    this.#sizeOf = sizeLookup(oci.blobs, oci.index);
  }

  async added({ repository, digest, manifests }: MirroredImage): Promise<number> {
    let bytes = 0;
    for (const each of new Set([digest, ...manifests])) {
      const manifest = parseStoredManifest(this.#oci.index.manifest(repository, each)?.content);
      for (const blob of manifest?.blobs ?? []) {
        await this.#pace.rest();
        if (this.#counted.has(blob)) continue;
        this.#counted.add(blob);
        bytes += await this.#sizeOf(blob);
      }
    }
    return bytes;
  }
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

function notesOf({ gone, stopped }: UpstreamCheck): string[] {
  return [
    ...(gone > 0
      ? [
          `kept: ${counted(gone, "image")} that upstream has no more; '/oci rm' or a cleanup rule deletes them`,
        ]
      : []),
    ...[...stopped.values()].map((reason) => `stopped: ${reason}`),
  ];
}
