import { parseStoreName } from "../../primitives/store/store-manager.ts";
import { changeFault } from "../oci-http/settings/check-effects.ts";
import {
  checkTogether,
  type InstanceConfig,
  InvalidInstancesError,
} from "../oci-http/settings/instance-config.ts";
import { completeSettings, settingWords } from "../oci-http/settings/instance-settings.ts";
import { ConflictError, InvalidArgumentError } from "../refusals.ts";
import type { DesiredRegistry } from "./document.ts";
import { type ApplyOptions, type LeftAlone, listDetails, type StateChange } from "./state-change.ts";

export interface RegistryPlan {
  /** All registries, as they are to be. */
  readonly configs: readonly InstanceConfig[];
  readonly changes: readonly StateChange[];
  readonly leftAlone: readonly LeftAlone[];
}

/** Compares the registries with the document. Throws `ExpectedError` if the document can't be carried out. */
export function planRegistries(
  current: readonly InstanceConfig[],
  desired: readonly DesiredRegistry[],
  { isPruning }: ApplyOptions,
): RegistryPlan {
  const isDesired = ({ name }: InstanceConfig) => desired.some((registry) => registry.name === name);
  const others = current.filter((config) => !isDesired(config));
  const removed = isPruning && desired.length > 0 ? others : [];
  const known = (name: string) => current.find((config) => config.name === name);
  const wanted = new Map(
    desired.map((registry) => [registry.name, wantedConfig(known(registry.name), registry)]),
  );
  const configs = [
    ...current
      .filter((config) => !removed.includes(config))
      .map((config) => wanted.get(config.name) ?? config),
    ...[...wanted.values()].filter(({ name }) => !known(name)),
  ];
  try {
    checkTogether(configs);
  } catch (error) {
    if (error instanceof InvalidInstancesError) throw new ConflictError(error.message);
    throw error;
  }
  return {
    configs,
    changes: [
      ...[...wanted.values()].flatMap((config) => describe(known(config.name), config)),
      ...removed.map(({ name }): StateChange => ({ kind: "registry", name, action: "delete", details: [] })),
    ],
    leftAlone: [
      {
        kind: "registry",
        names: others.filter((config) => !removed.includes(config)).map(({ name }) => name),
      },
    ],
  };
}

function wantedConfig(
  before: InstanceConfig | undefined,
  { name, settings }: DesiredRegistry,
): InstanceConfig {
  if (before) {
    if (settings.at !== undefined && settings.at !== before.at)
      throw new InvalidArgumentError(`registry '${name}': 'at' is fixed when a registry is created`);
    if (before.at && settings.store !== undefined && settings.store !== before.store)
      throw new InvalidArgumentError(`registry '${name}': the store of a registry at a past state is fixed`);
    return sound(before, { ...before, ...settings });
  }
  if (!settings.vhosts?.length)
    throw new InvalidArgumentError(`registry '${name}' needs a host: vhosts = ["…"]`);
  const store = settings.store ?? parseStoreName(`everlock-oci-${name}`);
  const complete = completeSettings({ ...settings, ...(store && { store }) }, ({ key }) => {
    throw new InvalidArgumentError(`registry '${name}' needs '${key}'`);
  });
  return sound(before, { name, ...complete });
}

function sound(before: InstanceConfig | undefined, after: InstanceConfig): InstanceConfig {
  const fault = changeFault(before, after);
  if (fault !== undefined) throw new InvalidArgumentError(`registry ${fault}`);
  return after;
}

function describe(before: InstanceConfig | undefined, after: InstanceConfig): StateChange[] {
  const details = listDetails("", before ? settingWords(before) : [], settingWords(after)).map((text) =>
    text.replace(" ", ""),
  );
  if (before && details.length === 0) return [];
  return [{ kind: "registry", name: after.name, action: before ? "change" : "create", details }];
}
