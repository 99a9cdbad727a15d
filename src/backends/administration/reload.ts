import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import type { InstanceRegistry } from "../oci-http/instances/instance-registry.ts";

export interface ReloadServices {
  readonly server: {
    /** Takes over what was committed with git. Resolves with what changed; rejects where it makes no sense. */
    reload(): Promise<readonly string[]>;
  };
  readonly users: Pick<UserRegistry, "directory">;
  readonly instances: Pick<InstanceRegistry, "list">;
}

export interface ReloadRecord {
  /** What changed, a line each. */
  readonly changes: readonly string[];
  /** How many there are now. */
  readonly registries: number;
  readonly users: number;
}

/** Takes over what was committed with git to the configuration and the users; for administrators. */
export async function reloadConfiguration(
  { server, users, instances }: ReloadServices,
  actor: Actor,
): Promise<ReloadRecord> {
  requireAdministrator(actor);
  const changes = await server.reload();
  return { changes, registries: instances.list().length, users: users.directory.list().length };
}
