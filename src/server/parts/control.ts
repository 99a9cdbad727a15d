import { importUsers } from "../../backends/accounts/import-users.ts";
import { MACHINE_ACTOR } from "../../backends/actor.ts";
import { importTarget } from "../../backends/oci-http/import/target/served-target.ts";
import type { InstanceRegistry } from "../../backends/oci-http/instances/instance-registry.ts";
import { mayLackBlobs, SYSTEM_STORE } from "../../backends/oci-http/settings/instance-config.ts";
import { type ControlServices, ControlSocket } from "../../frontends/control/control-socket.ts";
import { holdStores } from "../../primitives/store/commits/hold-stores.ts";
import type { Store } from "../../primitives/store/commits/store.ts";
import { USERS_STORE } from "../../primitives/users/user-registry.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { LOCAL_CONSOLE } from "./console.ts";
import { serverPart } from "./context.ts";
import { DIRECTORY } from "./data.ts";
import { INSTANCES, JOBS, SYSTEM } from "./registries.ts";
import { STORE_OF_USERS, USERS } from "./users.ts";

export const CONTROL = serverPart({
  name: "commands of this machine",
  needs: {
    administrator: ADMINISTRATOR,
    directory: DIRECTORY,
    instances: INSTANCES,
    jobs: JOBS,
    console: LOCAL_CONSOLE,
    system: SYSTEM,
    users: STORE_OF_USERS,
    known: USERS,
  },
  stopsBeside: [JOBS],
  start: ({ directory, instances, jobs, console, system, users, known }, { log }) =>
    new ControlSocket(
      directory.path,
      {
        jobs,
        console,
        ...holdingOf(instances, system, users),
        imports: {
          openTarget: (header) => importTarget({ instances, users: () => known.directory }, header),
          importUsers: (request) => importUsers({ users: known, instances }, MACHINE_ACTOR, request),
        },
      },
      log,
    ),
  stop: (control) => control.stop(),
});

/** Keeps the stores' files unchanged while a backup copies them. */
function holdingOf(
  instances: InstanceRegistry,
  system: Store,
  users: Store,
): Pick<ControlServices, "hold" | "heldStores"> {
  const openStores = () => [
    { name: USERS_STORE, store: users },
    { name: SYSTEM_STORE, store: system },
    ...instances.stores().map(({ location, store }) => ({ name: location.store, store })),
  ];
  return {
    hold: (work, signal) =>
      instances.withRemovals(async () => {
        const stores = openStores().map(({ store }) => store);
        const release = await holdStores(stores, signal);
        try {
          await work();
        } finally {
          release();
        }
      }, signal),
    heldStores: () => ({
      openStores: openStores().map(({ name }) => name),
      sparseStores: instances.list().flatMap((config) => (mayLackBlobs(config) ? [config.store] : [])),
    }),
  };
}
