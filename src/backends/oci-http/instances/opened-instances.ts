import { failureOf } from "../../../primitives/errors/failure.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { type OpenStores, type OpenView, openingProblem } from "../store/open-stores.ts";

/** A registry whose store can't be opened. The others serve on. */
export interface Outage {
  readonly config: InstanceConfig;
  /** One line for an operator. */
  readonly problem: string;
  /** A trouble of the disk, such as no room, that may be over the next moment; damage is not. */
  readonly mayPass: boolean;
}

/** With a view, or out of service. */
export interface OpenedInstance extends Partial<OpenView> {
  readonly config: InstanceConfig;
  readonly outage?: Outage;
}

interface Opening {
  readonly stores: OpenStores;
  /** Those that are out of service already, and not tried again. */
  readonly outages: ReadonlyMap<InstanceName, Outage>;
  readonly log: Logger;
}

/** What can't be opened is out of service, whatever the reason. Rejects only when the server is to stop. */
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
      // A damaged store stays damaged, whatever trouble the damage was found by.
      const mayPass = kind === "storage";
      opened.push({ config, outage: { config, problem: openingProblem(config.store, error), mayPass } });
      if (kind === "bug") log.error("a store could not be opened", error);
    }
  }
  return opened;
}

/** An outage that was none before: of a registry that is new, or has become another store's. */
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
