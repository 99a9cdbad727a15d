import { OpsFrontend } from "../../frontends/ops/ops-frontend.ts";
import { VERSION } from "../../primitives/version.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { serverPart } from "./context.ts";
import { CONTROL } from "./control.ts";
import { HTTP, TRAFFIC } from "./http.ts";
import { INSTANCES, JOBS } from "./registries.ts";
import { SSH } from "./ssh.ts";
import { PASSWORDS, USERS } from "./users.ts";

/** Provides `undefined` if no address is set for health and metrics. */
export const OPS = serverPart({
  name: "health and metrics",
  needs: {
    administrator: ADMINISTRATOR,
    instances: INSTANCES,
    users: USERS,
    passwords: PASSWORDS,
    jobs: JOBS,
    traffic: TRAFFIC,
  },
  // Supervisors can still see that the server is stopping while running requests finish.
  stopsAfter: [HTTP, JOBS, CONTROL, SSH],
  start: ({ administrator: _, ...services }, { config, log, started }) =>
    config.ops && new OpsFrontend(config.ops, { ...services, version: VERSION, started }, log),
  stop: (ops) => ops?.stop(),
});
