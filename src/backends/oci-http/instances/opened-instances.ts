import { failureOf } from "../../../primitives/errors/failure.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { type OpenStores, type OpenView, openingProblem } from "../store/open-stores.ts";

/** A registry whose store can't be opened. The others keep serving. */
export interface Outage {
  readonly config: InstanceConfig;
  /** One line for the operator. */
  readonly problem: string;
  /** Whether the cause may be temporary: a disk problem such as no space, but not damage. */
  readonly mayPass: boolean;
}

/** An instance with its view, or with its outage. */
export interface OpenedInstance extends Partial<OpenView> {
  readonly config: InstanceConfig;
  readonly outage?: Outage;
}

interface Opening {
  readonly stores: OpenStores;
  /** Instances that are already out of service and are not retried. */
  readonly outages: ReadonlyMap<InstanceName, Outage>;
  readonly log: Logger;
}

/** Opens the instances; one that can't be opened is out of service. Rejects only if the server stops. */
export async function openInstances(
  configs: readonly InstanceConfig[],
  { stores, outages, log }: Opening,
): Promise<OpenedInstance[]> {
  const opened: OpenedInstance[] = [];
  for (const config of configs) {
    const known = knownOutage(config, outages);
    if (known) {
      opened.push({ config, outage: { ...known, config } });
      continue;
    }
    try {
      opened.push({ config, ...(await stores.view(config)) });
    } catch (error) {
      if (stores.isGivenUp) throw error;
      const { kind } = failureOf(error);
      // A damaged store stays damaged, whichever error revealed it.
      const mayPass = kind === "storage";
      opened.push({ config, outage: { config, problem: openingProblem(config.store, error), mayPass } });
      if (kind === "bug") log.error("a store could not be opened", error);
    }
  }
  return opened;
}

/** Returns an outage that is new: of a new registry, or of one with another store than before. */
export function newOutage(
  opened: readonly OpenedInstance[],
  before: ReadonlyMap<InstanceName, Outage>,
): Outage | undefined {
  return opened.find(({ config, outage }) => outage && !knownOutage(config, before))?.outage;
}

/** The outage of the same state of the same store. */
function knownOutage(
  { name, store, at }: InstanceConfig,
  outages: ReadonlyMap<InstanceName, Outage>,
): Outage | undefined {
  const known = outages.get(name);
  return known && known.config.store === store && known.config.at === at ? known : undefined;
}
