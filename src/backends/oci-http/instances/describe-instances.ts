import { describeChanges } from "../../../primitives/reload.ts";
import { ALL_SETTINGS, type InstanceValues } from "../settings/instance-settings.ts";
import type { Outage } from "./opened-instances.ts";

/** The differences of two states of the registries, and what is out of service; `undefined` if there is nothing to tell. */
export function describeDifference(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
  outages: readonly Outage[],
): string | undefined {
  const out = outages.map(({ config, problem }) => `${config.name} is out of service: ${problem}`);
  const parts = [describeChanges("registries", before, after), ...out];
  return parts.filter((part) => part !== undefined).join("; ") || undefined;
}

/** The words of the given settings, for a commit message. */
export function wordsOf(settings: Partial<InstanceValues>): string {
  const given = ALL_SETTINGS.filter(({ property }) => Object.hasOwn(settings, property));
  return given.map(({ word }) => word).join(", ");
}
