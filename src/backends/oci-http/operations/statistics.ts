import { type Actor, requireAdministrator } from "../../actor.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { measureStore } from "../store/measure-store.ts";
import { statusOf } from "../store/store-status.ts";
import { type ContentServices, configOf } from "./registry-access.ts";

/** Statistics of a registry's store; registries that share a store share them too. */
export interface StatisticsRecord {
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  readonly blobs: number;
  readonly storedBytes: number;
  /** Bytes saved by deduplication: the extra size if every manifest had its own copy of each blob. */
  readonly savedBytes: number;
  readonly manifestBytes: number;
  /** Open uploads. */
  readonly uploads: number;
  readonly uploadBytes: number;
  /** Newest first; days without a commit are left out. */
  readonly days: readonly DayRecord[];
}

export interface DayRecord {
  /** The day in UTC, `2026-01-31`. */
  readonly day: string;
  readonly commits: number;
  /** Bytes of blobs added on that day and still stored. */
  readonly addedBytes: number;
}

export interface StatisticsRequest {
  readonly instance: InstanceName;
  /** Most days that are listed. */
  readonly days: number;
}

/** For administrators only: the counts include repositories that other users may not see. */
export async function readStatistics(
  services: ContentServices,
  actor: Actor,
  { instance, days }: StatisticsRequest,
): Promise<StatisticsRecord> {
  requireAdministrator(actor);
  configOf(services, instance);
  const oci = services.instances.storeOf(instance);
  const { addedBytes, ...measured } = await measureStore(oci);
  const { manifestBytes, uploads, uploadBytes } = await statusOf(oci);
  const byDay = await oci.history.commitsByDay(days);
  return {
    ...oci.index.counts(),
    ...measured,
    manifestBytes,
    uploads,
    uploadBytes,
    days: byDay.map(({ day, commits }) => ({ day, commits, addedBytes: addedBytes.get(day) ?? 0 })),
  };
}
