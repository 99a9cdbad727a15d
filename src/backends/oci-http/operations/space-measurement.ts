import { orAborted } from "../../../primitives/jobs/or-aborted.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { formatCleanupRule, ruleFor } from "../policy/cleanup-rules.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { bytesByDay, measureNamed, type NamedSpace } from "../store/measure-space.ts";
import type { OciStore } from "../store/oci-store.ts";
import { applyCleanupRules } from "../upkeep/cleanup.ts";
import { collectGarbage } from "../upkeep/garbage.ts";

/** Each part of a measurement ends after this time (ms); a part that takes longer is left out. */
const PART_MS = 30_000;
/** Largest repositories that are kept. */
const MAX_REPOSITORIES = 100;
/** Tags and manifests that are named, of those that the rules would delete. */
const MAX_NAMED = 200;
/** Seconds; counts also what was uploaded just now. */
const NO_GRACE = -60;

export interface SpaceDay {
  /** In UTC, `2026-01-31`. */
  readonly day: string;
  readonly commits: number;
  /** Bytes of blobs that came on this day and are still stored; `undefined` where that is not measured. */
  readonly addedBytes: number | undefined;
}

/** What the next cleanup would delete. */
export interface ExpectedCleanup {
  readonly tags: number;
  readonly manifests: number;
  readonly named: readonly {
    readonly repository: RepositoryName;
    /** A tag, or a digest. */
    readonly reference: string;
    /** The rule that deletes it. */
    readonly rule: string;
  }[];
}

/** The blobs that nothing needs. */
export interface ExpectedGarbage {
  readonly blobs: number;
  readonly bytes: number;
}

/** A measurement of a registry's store. A part is `undefined` if it took too long, or does not exist there. */
export interface SpaceMeasurement {
  readonly measured: Date;
  readonly ms: number;
  readonly storedBytes: number | undefined;
  readonly blobs: number | undefined;
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  readonly manifestBytes: number;
  readonly named: NamedSpace | undefined;
  /** Oldest first, without days on which nothing happened. */
  readonly days: readonly SpaceDay[];
  readonly cleanup: ExpectedCleanup | undefined;
  readonly garbage: ExpectedGarbage | undefined;
}

/** Measures a store in the background, in short slices. `retention`: the longest one of the registries that share the store; `closing`: ends the measurement. */
export async function measureSpace(
  oci: OciStore,
  config: InstanceConfig,
  { retention, closing }: { readonly retention: number | undefined; readonly closing: AbortSignal },
): Promise<SpaceMeasurement> {
  const began = performance.now();
  const within = parts(closing);
  if (!oci.sizes.latest()) await within((signal) => orAborted(oci.sizes.first(), signal));
  const sizes = oci.sizes.latest();
  const summaries = await oci.summaries.newest(PART_MS);
  const named = summaries && (await within((signal) => measureNamed(oci.index, summaries, signal)));
  const added = await within((signal) => bytesByDay(oci, signal));
  const history = await oci.history.commitsByDay(MAX_DAYS);
  const commits = new Map(history.map(({ day, commits }) => [day, commits]));
  const days = [...new Set([...commits.keys(), ...(added?.keys() ?? [])])].sort();
  return {
    measured: new Date(),
    ...oci.index.counts(),
    storedBytes: sizes?.bytes,
    blobs: sizes?.blobs,
    manifestBytes: oci.index.manifestBytes(),
    named: named && { ...named, repositories: named.repositories.slice(0, MAX_REPOSITORIES) },
    days: days.map((day) => ({
      day,
      commits: commits.get(day) ?? 0,
      addedBytes: added && (added.get(day) ?? 0),
    })),
    cleanup: await within((signal) => expectedCleanup(oci, config, signal)),
    garbage: await within((signal) => expectedGarbage(oci, retention, signal)),
    ms: performance.now() - began,
  };
}

const MAX_DAYS = 3660;

async function expectedCleanup(
  oci: OciStore,
  { at, follow, cleanup }: InstanceConfig,
  signal: AbortSignal,
): Promise<ExpectedCleanup | undefined> {
  // The rules of a registry at a past state, and of a replica, are not applied.
  if (at || follow || cleanup.length === 0) return undefined;
  const { tags, manifests, lines } = await applyCleanupRules(oci, cleanup, dryRun(signal));
  signal.throwIfAborted();
  const named = lines.slice(0, MAX_NAMED).map((line) => {
    const end = line.search(/[:@]/);
    const repository = line.slice(0, end) as RepositoryName;
    const rule = ruleFor(cleanup, repository);
    return { repository, reference: line.slice(end + 1), rule: rule ? formatCleanupRule(rule) : "" };
  });
  return { tags, manifests, named };
}

/** In a bucket, the job that does it lists the bucket: too much for a page. */
async function expectedGarbage(
  oci: OciStore,
  retentionSeconds: number | undefined,
  signal: AbortSignal,
): Promise<ExpectedGarbage | undefined> {
  if (oci.blobs.total) return undefined;
  const policy = { graceSeconds: NO_GRACE, retentionSeconds };
  const { blobs, bytes, problems } = await collectGarbage(oci, policy, dryRun(signal));
  signal.throwIfAborted();
  return problems.length > 0 ? undefined : { blobs, bytes };
}

function dryRun(signal: AbortSignal) {
  return { isDryRun: true, isScheduled: false, signal, progress: () => undefined, report: () => undefined };
}

/** Makes each part of a measurement; a part that takes too long is `undefined`. */
function parts(closing: AbortSignal) {
  return async <T>(measure: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> => {
    closing.throwIfAborted();
    const timeout = AbortSignal.timeout(PART_MS);
    try {
      return await measure(AbortSignal.any([closing, timeout]));
    } catch (error) {
      if (timeout.aborted && !closing.aborted) return undefined;
      throw error;
    }
  };
}
