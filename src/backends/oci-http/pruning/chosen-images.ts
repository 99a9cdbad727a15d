import type { Digest } from "../../../primitives/digest.ts";
import type { JobRun } from "../../../primitives/jobs/job-runner.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { writeSize } from "../../../primitives/text/byte-size.ts";
import { formatDuration } from "../../../primitives/text/duration.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { sizeLookup } from "../store/blob-lookup.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { MirroredImage } from "./prunable-images.ts";

/** An image that is to be pruned, and the setting that says so. */
export interface Chosen {
  readonly image: MirroredImage;
  readonly rule: string;
}

export interface ChoiceOptions {
  readonly config: Pick<InstanceConfig, "keepPulled" | "keepSize">;
  readonly graceSeconds: number;
  readonly run: Pick<JobRun, "signal">;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * What of these images is to be pruned. They are in the order of their last use, the latest first, after those that stay
 * anyway. `inUse` counts the images that go only when their time of grace is over.
 */
export async function chooseImages(
  oci: OciStore,
  { config, graceSeconds, run, now = Date.now }: ChoiceOptions,
  images: readonly MirroredImage[],
): Promise<{ readonly chosen: readonly Chosen[]; readonly inUse: number }> {
  const { keepPulled, keepSize } = config;
  const expired: Chosen[] = [];
  const beyond: Chosen[] = [];
  const since = oci.pulls.times.since.getTime();
  const measure = new Measure(oci, run.signal);
  let bytes = 0;
  let inUse = 0;
  for (const image of images) {
    const isInUse = now() - Math.max(image.changedAt, image.pulled?.getTime() ?? 0) < graceSeconds * 1000;
    const unusedMs = now() - Math.max(image.usedAt, since);
    if (keepPulled !== undefined && !image.isKept && !isInUse && unusedMs > keepPulled * 1000) {
      expired.push({ image, rule: `keep-pulled=${formatDuration(keepPulled)}` });
      continue;
    }
    if (keepSize === undefined) continue;
    const added = await measure.newIn(image);
    // What can never fit goes alone: it must not displace all others.
    const isTooLarge = added.bytes > keepSize && !image.isKept;
    if (!isTooLarge) bytes += measure.count(added);
    if (image.isKept || (!isTooLarge && bytes <= keepSize)) continue;
    if (isInUse) inUse++;
    else beyond.push({ image, rule: `keep-size=${writeSize(keepSize)}` });
  }
  return { chosen: [...beyond, ...expired], inUse };
}

interface NewBlobs {
  readonly blobs: ReadonlySet<Digest>;
  readonly bytes: number;
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

  /** Of an image, what is not counted yet. */
  async newIn({ repository, digest, manifests }: MirroredImage): Promise<NewBlobs> {
    const blobs = new Set<Digest>();
    let bytes = 0;
    for (const each of new Set([digest, ...manifests])) {
      const manifest = parseStoredManifest(this.#oci.index.manifest(repository, each)?.content);
      for (const blob of manifest?.blobs ?? []) {
        await this.#pace.rest();
        if (this.#counted.has(blob) || blobs.has(blob)) continue;
        blobs.add(blob);
        bytes += await this.#sizeOf(blob);
      }
    }
    return { blobs, bytes };
  }

  count({ blobs, bytes }: NewBlobs): number {
    for (const blob of blobs) this.#counted.add(blob);
    return bytes;
  }
}
