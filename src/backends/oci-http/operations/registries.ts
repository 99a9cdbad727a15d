import { NO_COMMIT } from "../../../primitives/store/git/object-id.ts";
import { parseStoreName, type StoreName } from "../../../primitives/store/store-manager.ts";
import type { UserDirectory } from "../../../primitives/users/user-directory.ts";
import { type Actor, requireAdministrator } from "../../actor.ts";
import { isNamesake, namesakeWarning } from "../../namesakes.ts";
import { ExistsError, InvalidArgumentError, UnconfirmedError } from "../../refusals.ts";
import type { InstanceRegistry } from "../instances/instance-registry.ts";
import type { ReplicaRecord } from "../replica/replicas.ts";
import { changeFault } from "../settings/check-effects.ts";
import { type InstanceConfig, type InstanceName, mayLackBlobs } from "../settings/instance-config.ts";
import {
  ALL_SETTINGS,
  changedSettings,
  completeSettings,
  type InstanceValues,
} from "../settings/instance-settings.ts";
import { consequencesOf, requireConfirmation } from "./consequences.ts";
import { type Moment, stateAt } from "./moment.ts";
import { configOf } from "./registry-access.ts";
import { type ReplicaServices, replicaOf } from "./replicas.ts";

/** The services that operations on registries use. */
export interface RegistryServices {
  readonly instances: Pick<
    InstanceRegistry,
    "list" | "outages" | "create" | "extend" | "removeHost" | "delete" | "historyOf" | "storeOf"
  >;
  readonly users: { readonly directory: UserDirectory };
}

export interface RegistryRecord {
  readonly config: InstanceConfig;
  /** Why the registry is out of service; `undefined` while it serves. */
  readonly problem: string | undefined;
  /** How it follows its primary, if it is a replica. */
  readonly replica: ReplicaRecord | undefined;
}

/** Lists every registry; all users may see them. */
export function listRegistries({
  instances,
  replicas,
}: Pick<RegistryServices, "instances"> & Pick<ReplicaServices, "replicas">): RegistryRecord[] {
  const problems = new Map(instances.outages().map(({ config, problem }) => [config.name, problem]));
  return instances.list().map((config) => ({
    config,
    problem: problems.get(config.name),
    replica: replicaOf({ replicas }, config.name),
  }));
}

export interface NewRegistry {
  readonly name: InstanceName;
  /** Without a store, a new one is created and named after the registry. */
  readonly settings: Partial<Omit<InstanceValues, "at">>;
  /** The past state that the registry serves; requires a store. */
  readonly at?: Moment | undefined;
  /** Confirms that the user with the registry's name becomes its owner. */
  readonly acceptsNamesake: boolean;
}

/** Creates a registry; for administrators. Resolves with its whole configuration. */
export async function createRegistry(
  { instances, users }: RegistryServices,
  actor: Actor,
  { name, settings, at, acceptsNamesake }: NewRegistry,
): Promise<InstanceConfig> {
  requireAdministrator(actor);
  if (instances.list().some((registry) => registry.name === name))
    throw new ExistsError(`a registry '${name}' exists already`);
  const isOwned = users.directory.list().some((user) => isNamesake(user.name, name));
  if (isOwned && !acceptsNamesake) throw new UnconfirmedError(namesakeWarning(name, "registry"));
  if (at?.point.kind === "time" && at.point.seconds > Date.now() / 1000)
    throw new InvalidArgumentError(`'${at.text}' is in the future: a registry can only serve a past state`);
  const commit = at && ((await stateAt(await instances.historyOf(namedStore(settings)), at)) ?? NO_COMMIT);
  if (!settings.vhosts?.length) throw new InvalidArgumentError("a registry needs a host: vhost=<host>");
  const store = settings.store ?? parseStoreName(`everlock-oci-${name}`);
  if (!store)
    throw new InvalidArgumentError(`'${name}' can't be part of a store's name; give one: store=<name>`);
  // What a mirror never fetched is missing in its past states too, also when they are all that uses the store.
  const isPartial = at && instances.list().some((each) => each.store === store && mayLackBlobs(each));
  const inherited = isPartial ? ({ references: "sparse" } as const) : {};
  const given = { ...inherited, ...settings, store, ...(commit && { at: commit }) };
  const complete = completeSettings(given, ({ usage }) => {
    throw new InvalidArgumentError(`a registry needs ${usage}`);
  });
  const config = { name, ...complete };
  requireSound(undefined, config);
  await instances.create(actor.identity, config);
  return config;
}

function requireSound(before: InstanceConfig | undefined, after: InstanceConfig): void {
  const fault = changeFault(before, after);
  if (fault !== undefined) throw new InvalidArgumentError(fault);
}

function namedStore({ store }: NewRegistry["settings"]): StoreName {
  if (store) return store;
  throw new InvalidArgumentError(
    "a registry at a past state requires the store whose state it serves: store=<name>",
  );
}

/**
 * Changes settings, and adds hosts to those that the registry has; for administrators. Resolves with whether anything
 * differs. Rejects with `UnconfirmedError` if content would be deleted or pushes refused, unless the actor is sure.
 */
export async function changeRegistry(
  { instances }: Pick<RegistryServices, "instances">,
  actor: Actor,
  {
    name,
    settings,
    isSure,
  }: {
    readonly name: InstanceName;
    readonly settings: Partial<InstanceValues>;
    readonly isSure: boolean;
  },
): Promise<boolean> {
  requireAdministrator(actor);
  for (const { change, property, word } of ALL_SETTINGS)
    if (change === "fixed" && Object.hasOwn(settings, property))
      throw new InvalidArgumentError(`${word}= is fixed when a registry is created`);
  const config = configOf({ instances }, name);
  if (config.at && settings.store)
    throw new InvalidArgumentError("the store of a registry at a past state is fixed");
  requireSound(config, changedSettings(config, settings));
  const isOut = instances.outages().some((outage) => outage.config.name === name);
  if (!isSure && !isOut)
    requireConfirmation(await consequencesOf({ instances }, { config, settings }), false);
  return instances.extend(actor.identity, name, settings);
}

/** Removes a host from a registry; for administrators. The last one requires that the actor is sure. */
export async function removeHost(
  { instances }: Pick<RegistryServices, "instances">,
  actor: Actor,
  { name, host, isSure }: { readonly name: InstanceName; readonly host: string; readonly isSure: boolean },
): Promise<void> {
  requireAdministrator(actor);
  const { vhosts } = configOf({ instances }, name);
  const isLast = vhosts.length === 1 && vhosts[0] === host;
  requireConfirmation(
    isLast ? [`'${host}' is the last host of '${name}': no client could reach it`] : [],
    isSure,
  );
  await instances.removeHost(actor.identity, name, host);
}

/**
 * Deletes a registry but keeps its store; for administrators. Resolves with the deleted configuration. Rejects with
 * `UnconfirmedError` unless the actor is sure.
 */
export async function deleteRegistry(
  { instances }: Pick<RegistryServices, "instances">,
  actor: Actor,
  { name, isSure }: { readonly name: InstanceName; readonly isSure: boolean },
): Promise<InstanceConfig> {
  requireAdministrator(actor);
  const config = configOf({ instances }, name);
  const { vhosts, store } = config;
  const hosts = vhosts.length > 0 ? vhosts.join(", ") : "no host";
  requireConfirmation(
    [`'${name}' would no longer be served at ${hosts}; its store '${store}' stays`],
    isSure,
  );
  await instances.delete(actor.identity, name);
  return config;
}
