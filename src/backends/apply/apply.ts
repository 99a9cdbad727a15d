import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import { isNamesake, namesakes } from "../namesakes.ts";
import type { InstanceRegistry } from "../oci-http/instances/instance-registry.ts";
import { type DesiredState, parseDocument } from "./document.ts";
import { planRegistries, type RegistryPlan } from "./plan-registries.ts";
import { planUsers, type UserPlan } from "./plan-users.ts";
import type { ApplyOptions, LeftAlone, StateChange } from "./state-change.ts";

export interface ApplyServices {
  readonly users: Pick<UserRegistry, "directory" | "rewrite">;
  readonly instances: Pick<InstanceRegistry, "list" | "rewrite">;
}

/** What a document would change. */
export interface ApplyProposal {
  readonly changes: readonly StateChange[];
  readonly leftAlone: readonly LeftAlone[];
  /** Users who would own the registry of their name because of the change. */
  readonly namesakes: readonly string[];
  readonly desired: DesiredState;
  readonly options: ApplyOptions;
}

/** Most changes that a commit message names. */
const MAX_NAMED = 100;

/** Compares a document with the server; for administrators. Throws `ExpectedError` if it can't be carried out. */
export function proposeApply(
  services: ApplyServices,
  actor: Actor,
  text: string,
  options: ApplyOptions,
): ApplyProposal {
  requireAdministrator(actor);
  const desired = parseDocument(text);
  const [registries, users] = plansOf(services, actor, desired, options);
  return {
    changes: [...registries.changes, ...users.changes],
    leftAlone: [...users.leftAlone, ...registries.leftAlone].filter(({ names }) => names.length > 0),
    namesakes: newNamesakes(services, registries, users),
    desired,
    options,
  };
}

/**
 * Makes the server what a document says: the registries in one commit, then the users and groups in another; for
 * administrators. All of it is checked again before the first. Resolves with whether anything differed.
 */
export async function carryOutApply(
  services: ApplyServices,
  actor: Actor,
  { desired, options, changes }: ApplyProposal,
): Promise<boolean> {
  requireAdministrator(actor);
  plansOf(services, actor, desired, options);
  const message = (kinds: readonly StateChange["kind"][]) => {
    const named = changes.filter(({ kind }) => kinds.includes(kind));
    const lines = named.slice(0, MAX_NAMED).map(({ action, kind, name }) => `${action} ${kind} ${name}`);
    const more = named.length > MAX_NAMED ? [`and ${named.length - MAX_NAMED} more`] : [];
    return ["apply a document", "", ...lines, ...more].join("\n");
  };
  const hasRegistries = await services.instances.rewrite(
    actor.identity,
    message(["registry"]),
    (current) => planRegistries(current, desired.registries, options).configs,
  );
  const hasUsers = await services.users.rewrite(actor.identity, message(["user", "group"]), (directory) =>
    planUsers(directory, desired, { ...options, caller: actor.user }),
  );
  return hasRegistries || hasUsers;
}

function plansOf(
  { users, instances }: ApplyServices,
  actor: Actor,
  desired: DesiredState,
  options: ApplyOptions,
): [RegistryPlan, UserPlan] {
  return [
    planRegistries(instances.list(), desired.registries, options),
    planUsers(users.directory, desired, { ...options, caller: actor.user }),
  ];
}

function newNamesakes(
  { users, instances }: ApplyServices,
  registries: RegistryPlan,
  plan: UserPlan,
): string[] {
  const before = namesakes(users.directory, instances.list());
  const after = users.directory.rewritten(plan).list();
  return after
    .filter(
      ({ name }) =>
        registries.configs.some((config) => isNamesake(name, config.name)) && !before.includes(name),
    )
    .map(({ name }) => name);
}
