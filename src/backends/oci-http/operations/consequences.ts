import { formatSize } from "../../../primitives/text/byte-size.ts";
import { counted } from "../../../primitives/text/counted.ts";
import { formatDuration } from "../../../primitives/text/duration.ts";
import { UnconfirmedError } from "../../refusals.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { changedSettings, type InstanceValues } from "../settings/instance-settings.ts";
import { bytesOf, measureRepositories, type RepositoryUsage } from "../store/measure-repositories.ts";
import type { OciStore } from "../store/oci-store.ts";
import { applyCleanupRules } from "../upkeep/cleanup.ts";
import { collectGarbage } from "../upkeep/garbage.ts";
import type { ContentServices } from "./registry-access.ts";

/** What a change of settings is about to do. */
export interface SettingsChange {
  readonly config: InstanceConfig;
  readonly settings: Partial<InstanceValues>;
}

/** How long content is counted before a question (ms); what was found until then is said. */
const COUNT_MS = 10_000;
/** Seconds; counts also what was uploaded just now, as its time of grace ends soon. */
const NO_GRACE = -60;
/** Seconds; a mistake is rarely noticed sooner, so a shorter retention is asked about although nothing is lost yet. */
const SHORTEST_UNASKED = 86_400;
/** Most deletions that a question names. */
const MAX_NAMED = 10;

/** Throws `UnconfirmedError`, which names what would be lost, unless there is nothing or the actor is sure. */
export function requireConfirmation(consequences: readonly string[], isSure: boolean): void {
  if (consequences.length > 0 && !isSure) throw new UnconfirmedError(consequences.join("\n"));
}

/** What the next `gc` would delete because of a change of settings, and pushes that it would refuse; a line each. */
export async function consequencesOf(
  { instances }: Pick<ContentServices, "instances">,
  { config, settings }: SettingsChange,
): Promise<string[]> {
  const changed = changedSettings(config, settings);
  const { cleanup, retention, quota, repositoryQuota } = settings;
  const becomesReplica = settings.follow !== undefined && config.follow === undefined;
  const isShorter = retention !== undefined && retention < (config.retention ?? Number.POSITIVE_INFINITY);
  if (
    !cleanup?.length &&
    !isShorter &&
    quota === undefined &&
    repositoryQuota === undefined &&
    !becomesReplica
  )
    return [];
  const oci = instances.storeOf(config.name);
  const configs = instances
    .list()
    .map((other) => (other.name === config.name ? changed : other))
    .filter(({ store }) => store === config.store);
  return [
    ...(becomesReplica ? replicaOver(oci, changed) : []),
    ...(cleanup?.length ? await cleanedBy(oci, changed) : []),
    ...(isShorter ? await lostAfter(oci, configs) : []),
    ...(quota === undefined ? [] : await refusedBy(oci, quota)),
    ...(repositoryQuota === undefined ? [] : await refusedIn(oci, repositoryQuota)),
  ];
}

/** The rules of a registry at a past state, and of a replica, are not applied. */
async function cleanedBy(oci: OciStore, { at, follow, cleanup }: InstanceConfig): Promise<string[]> {
  if (at || follow) return [];
  const { tags, manifests, lines } = await applyCleanupRules(oci, cleanup, dryRun());
  if (tags + manifests === 0) return [];
  const more = lines.length > MAX_NAMED ? [`  … and ${lines.length - MAX_NAMED} more`] : [];
  return [
    `the next cleanup would delete ${counted(tags, "tag")} and ${counted(manifests, "manifest")}:`,
    ...lines.slice(0, MAX_NAMED).map((line) => `  ${line}`),
    ...more,
  ];
}

/** Registries that share a store use the longest of their retentions. */
async function lostAfter(oci: OciStore, configs: readonly InstanceConfig[]): Promise<string[]> {
  const longest = Math.max(...configs.map(({ retention }) => retention ?? Number.POSITIVE_INFINITY));
  if (longest === Number.POSITIVE_INFINITY) return [];
  const { blobs, bytes } = await collectGarbage(
    oci,
    { graceSeconds: NO_GRACE, retentionSeconds: longest },
    dryRun(),
  );
  const isShort = longest < SHORTEST_UNASKED;
  return [
    ...(blobs > 0
      ? [
          `the next gc would remove up to ${counted(blobs, "blob")} (${formatSize(bytes)}) of deleted or replaced images, which then can't be restored`,
        ]
      : []),
    ...(isShort
      ? [
          `images that are deleted or replaced could be restored for ${formatDuration(Math.max(longest, 0))} only`,
        ]
      : []),
  ];
}

/** What nobody ever pushed to loses nothing. */
function replicaOver(oci: OciStore, { name, upstream }: InstanceConfig): string[] {
  if (oci.store.head().commitId === undefined) return [];
  return [
    `'${name}' would be a replica of ${upstream}: pushes and deletes would be refused, and it follows only if all of its commits are there`,
  ];
}

async function refusedBy(oci: OciStore, quota: number): Promise<string[]> {
  const used = (await oci.sizes.first()).bytes + oci.index.manifestBytes();
  if (used <= quota) return [];
  return [`${formatSize(used)} are used, more than ${formatSize(quota)}: every push would be refused`];
}

/** The repositories that use more than each may. */
async function refusedIn(oci: OciStore, quota: number): Promise<string[]> {
  const signal = AbortSignal.timeout(COUNT_MS);
  let repositories: readonly RepositoryUsage[];
  try {
    repositories = await measureRepositories(oci.blobs, oci.index, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    return ["it could not be counted in time which repositories use more than that"];
  }
  const over = repositories.filter((usage) => bytesOf(usage) > quota);
  if (over.length === 0) return [];
  const more = over.length > MAX_NAMED ? [`  … and ${over.length - MAX_NAMED} more`] : [];
  const count = over.length === 1 ? "1 repository uses" : `${over.length} repositories use`;
  return [
    `${count} more than ${formatSize(quota)}; pushes of new content to them would be refused:`,
    ...over.slice(0, MAX_NAMED).map((usage) => `  ${usage.repository}: ${formatSize(bytesOf(usage))}`),
    ...more,
  ];
}

function dryRun() {
  return {
    isDryRun: true,
    isScheduled: false,
    signal: AbortSignal.timeout(COUNT_MS),
    progress: () => undefined,
    report: () => undefined,
  };
}
