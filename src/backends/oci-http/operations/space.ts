import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type Actor, requireAdministrator } from "../../actor.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import type { RepositoryUsage } from "../store/measure-repositories.ts";
import { caughtUp } from "./caught-up.ts";
import { type ContentServices, configOf, requireReader } from "./registry-access.ts";
import { measureSpace, type SpaceDay, type SpaceMeasurement } from "./space-measurement.ts";

export interface SpaceRecord {
  /** The newest measurement; `undefined` while the first one runs. */
  readonly newest: SpaceMeasurement | undefined;
  readonly isRunning: boolean;
  /** The other registries that share the store, whose content this is too. */
  readonly sharedWith: readonly InstanceName[];
}

/** How long a reader waits for a measurement that has just begun (ms). */
const WAIT_MS = 40;
/** A measurement is made again after this time (ms), and no sooner than so many times as long as it took. */
const MIN_AGE_MS = 10_000;
const MIN_AGE_AFTER_FAILURE_MS = 500;
const REST_PER_WORK = 20;

export interface RepositorySpaceRecord {
  /** Oldest first, without days on which nothing happened. */
  readonly days: readonly SpaceDay[];
  /** As last measured, for administrators: what others have too is not for others to know. */
  readonly usage: RepositoryUsage | undefined;
}

/** What one repository takes, and when it changed; rejects as `describeRepository` does for who may not read it. */
export async function readRepositorySpace(
  services: ContentServices,
  actor: Actor,
  { instance, repository }: { readonly instance: InstanceName; readonly repository: RepositoryName },
): Promise<RepositorySpaceRecord> {
  requireReader(actor, instance, repository);
  const oci = services.instances.storeOf(instance);
  await caughtUp(services, instance);
  const byDay = await oci.history.repositoryCommitsByDay(repository);
  const newest = actor.isAdministrator() ? (await readSpace(services, actor, instance)).newest : undefined;
  return {
    days: byDay.toReversed().map((each) => ({ ...each, addedBytes: undefined })),
    usage: newest?.named?.repositories.find((usage) => usage.repository === repository),
  };
}

class Measuring {
  newest: SpaceMeasurement | undefined;
  running: Promise<void> | undefined;
  failure: unknown;
  /** When the next may begin (`performance.now()`). */
  next = 0;
}

/** The measurements of each registry as it is set up now. */
const MEASUREMENTS = new WeakMap<InstanceConfig, Measuring>();

/**
 * What a registry's store takes, as last measured; for administrators, as it counts what other users may not see. A measurement
 * that is due is made in the background.
 */
export async function readSpace(
  services: ContentServices,
  actor: Actor,
  instance: InstanceName,
): Promise<SpaceRecord> {
  requireAdministrator(actor, "the space of a whole registry");
  const config = configOf(services, instance);
  const measuring = MEASUREMENTS.get(config) ?? new Measuring();
  MEASUREMENTS.set(config, measuring);
  if (!measuring.running && performance.now() >= measuring.next) start(services, config, measuring);
  await Promise.race([measuring.running, Bun.sleep(WAIT_MS)]);
  const { newest, running, failure } = measuring;
  if (!newest && failure !== undefined) throw failure;
  const others = sharing(services, config).filter(({ name }) => name !== instance);
  return { newest, isRunning: running !== undefined, sharedWith: others.map(({ name }) => name) };
}

function start(services: ContentServices, config: InstanceConfig, measuring: Measuring): void {
  const began = performance.now();
  const oci = services.instances.storeOf(config.name);
  const retentions = sharing(services, config).map(({ retention }) => retention ?? Number.POSITIVE_INFINITY);
  const longest = Math.max(...retentions);
  const retention = longest === Number.POSITIVE_INFINITY ? undefined : longest;
  measuring.running = oci
    .inUse((closing) => measureSpace(oci, config, { retention, closing }))
    .then(
      (measured) => {
        measuring.newest = measured;
        measuring.failure = undefined;
      },
      (error: unknown) => {
        measuring.failure = error;
      },
    )
    .finally(() => {
      const now = performance.now();
      const minAge = measuring.failure === undefined ? MIN_AGE_MS : MIN_AGE_AFTER_FAILURE_MS;
      measuring.running = undefined;
      measuring.next = now + Math.max(minAge, (now - began) * REST_PER_WORK);
    });
}

function sharing({ instances }: ContentServices, { store }: InstanceConfig): readonly InstanceConfig[] {
  return instances.list().filter((other) => other.store === store);
}
