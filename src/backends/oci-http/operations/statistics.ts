import { type Actor, requireAdministrator } from "../../actor.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { measureStore } from "../store/measure-store.ts";
import { statusOf } from "../store/store-status.ts";
import { type ContentServices, configOf } from "./registry-access.ts";

/** What the store of a registry holds; registries that share the store share this as well. */
export interface StatisticsRecord {
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  readonly blobs: number;
  readonly storedBytes: number;
  /** Bytes that the store would hold besides if every manifest that names a blob had a copy of its own. */
  readonly savedBytes: number;
  readonly manifestBytes: number;
  /** Uploads that are open, and what they hold. */
  readonly uploads: number;
  readonly uploadBytes: number;
  /** The newest first; days without a commit are left out. */
  readonly days: readonly DayRecord[];
}

export interface DayRecord {
  /** In UTC, `2026-01-31`. */
  readonly day: string;
  readonly commits: number;
  /** Bytes of blobs that came on that day and are still there. */
  readonly addedBytes: number;
}

export interface StatisticsRequest {
  readonly instance: InstanceName;
  /** How many days of growth are counted. */
  readonly days: number;
}

/** For administrators: the counts tell of repositories that others may not know of. */
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
