import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { ConflictError, FrozenError, NotAllowedError } from "../../refusals.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import { holdsRole } from "./registry-access.ts";

/** What was read has changed before the commit; nothing was changed. */
export class MovedMeanwhileError extends ConflictError {
  override readonly name = "MovedMeanwhileError";
}

/** Most repositories that a refusal names. */
const MAX_NAMED = 5;

/** Returns the registry's settings, or throws `FrozenError` if its content can't be changed. */
export function changeable(config: InstanceConfig): InstanceConfig {
  if (config.at) throw new FrozenError(`'${config.name}' serves a past state and is read-only`);
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
