import { namesakes } from "../../backends/namesakes.ts";
import { reloadTogether } from "../../primitives/reload.ts";
import { serverPart } from "./context.ts";
import { BACKENDS, INSTANCES } from "./registries.ts";
import { USERS } from "./users.ts";

/**
 * Loads users, registries and backends that stock git committed; resolves with the changes. If one of them is invalid, it
 * rejects and loads none.
 */
export type Reload = () => Promise<readonly string[]>;

export const RELOAD = serverPart({
  name: "the reload",
  needs: { users: USERS, instances: INSTANCES, backends: BACKENDS },
  start({ users, instances, backends }): Reload {
    const owners = () => namesakes(users.directory, instances.list());
    return async () => {
      const before = owners();
      const changes = await reloadTogether([users, instances, backends]);
      const added = owners().filter((name) => !before.includes(name));
      return [...changes, ...added.map(describeNamesake)];
    };
  },
});

export function describeNamesake(name: string): string {
  return `the user '${name}' owns the registry '${name}' because it has the same name`;
}
