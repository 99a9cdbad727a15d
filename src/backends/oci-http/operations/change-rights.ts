import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { ConflictError, FrozenError, NotAllowedError } from "../../refusals.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { refuseReadOnly } from "../settings/refuse-read-only.ts";
import { maintenanceMessage } from "../settings/registry-mode.ts";
import { holdsRole } from "./registry-access.ts";

/** What was read has changed before the commit; nothing was changed. */
export class MovedMeanwhileError extends ConflictError {
  override readonly name = "MovedMeanwhileError";
}

/** Most repositories that a refusal names. */
const MAX_NAMED = 5;

/**
 * Returns the registry's settings. Throws `FrozenError` for one at a past state, and `NotAllowedError` while it is read-only or a replica, and
 * for all but administrators while it is under maintenance.
 */
export function changeable(config: InstanceConfig, actor: Actor): InstanceConfig {
  const { name, at, mode, follow, upstream } = config;
  if (at) throw new FrozenError(`'${name}' serves a past state and is read-only`);
  refuseReadOnly(config);
  if (follow)
    throw new NotAllowedError(
      `'${name}' is a replica of ${upstream} and read-only; '/oci promote ${name}' ends that`,
    );
  const message = maintenanceMessage(mode);
  if (message !== undefined && !actor.isAdministrator())
    throw new NotAllowedError(`'${name}' is under maintenance: ${message}`);
  return config;
}

/** Throws `NotAllowedError`, which names repositories in which the actor lacks the role. `what`: `deleting`. */
export function requireRoleIn(
  actor: Actor,
  { name }: Pick<InstanceConfig, "name">,
  repositories: readonly RepositoryName[],
  { role, what }: { readonly role: "reader" | "writer" | "owner"; readonly what: string },
): void {
  const refused = repositories.filter((repository) => !holdsRole(actor, name, repository, role));
  if (refused.length === 0) return;
  const named = refused.slice(0, MAX_NAMED).map((repository) => `'${repository}'`);
  const more = refused.length > MAX_NAMED ? ` and ${refused.length - MAX_NAMED} more` : "";
  const access = { reader: "pull", writer: "push", owner: "delete" }[role];
  throw new NotAllowedError(
    `${what} requires ${access} access to ${named.join(", ")}${more}, which '${actor.user}' has not`,
  );
}

/** What the actor may do to a repository by roles and settings. */
export interface ChangeRights {
  /** Set tags, also to earlier states; with deletion of tags it requires `deletes` too. */
  readonly restores: boolean;
  readonly deletes: boolean;
}

const NOTHING: ChangeRights = { restores: false, deletes: false };

/** Whether the settings of the registry let the actor change its content at all. */
export function isChangeable(actor: Actor, config: InstanceConfig): boolean {
  try {
    changeable(config, actor);
    return true;
  } catch {
    return false;
  }
}

/** Whether an action is worth offering; operations decide themselves. */
export function changeRights(actor: Actor, config: InstanceConfig, repository: RepositoryName): ChangeRights {
  if (!isChangeable(actor, config)) return NOTHING;
  const { name } = config;
  return {
    restores: holdsRole(actor, name, repository, "writer"),
    deletes: holdsRole(actor, name, repository, "owner"),
  };
}
