import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import { type Actor, requireAdministrator } from "../actor.ts";
import type { InstanceRegistry } from "../oci-http/instances/instance-registry.ts";

export interface ReloadServices {
  readonly server: {
    /** Loads the changes that stock git committed. Resolves with the changes; rejects if they are invalid. */
    reload(): Promise<readonly string[]>;
  };
  readonly users: Pick<UserRegistry, "directory">;
  readonly instances: Pick<InstanceRegistry, "list">;
}

export interface ReloadRecord {
  /** The changes, one per line. */
  readonly changes: readonly string[];
  /** Number of registries after the reload. */
  readonly registries: number;
  readonly users: number;
}

/** Loads the configuration and users that stock git committed; for administrators. */
export async function reloadConfiguration(
  { server, users, instances }: ReloadServices,
  actor: Actor,
): Promise<ReloadRecord> {
  requireAdministrator(actor);
  const changes = await server.reload();
  return { changes, registries: instances.list().length, users: users.directory.list().length };
}
