import { OpsFrontend } from "../../frontends/ops/ops-frontend.ts";
import { VERSION } from "../../primitives/version.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { serverPart } from "./context.ts";
import { CONTROL } from "./control.ts";
import { DIRECTORY, STORES } from "./data.ts";
import { OTHER_NODES } from "./following.ts";
import { CERTIFICATES, HTTP, TRAFFIC } from "./http.ts";
import { BACKENDS, INSTANCES, JOBS } from "./registries.ts";
import { REPLICAS } from "./replicas.ts";
import { SSH } from "./ssh.ts";
import { PASSWORDS, USERS } from "./users.ts";

/** Provides `undefined` if no address is set for health and metrics. */
export const OPS = serverPart({
  name: "health and metrics",
  needs: {
    administrator: ADMINISTRATOR,
    backends: BACKENDS,
    certificateFiles: CERTIFICATES,
    directory: DIRECTORY,
    instances: INSTANCES,
    replicas: REPLICAS,
    users: USERS,
    passwords: PASSWORDS,
    jobs: JOBS,
    traffic: TRAFFIC,
    others: OTHER_NODES,
    opened: STORES,
  },
  // Supervisors can still see that the server is stopping while running requests finish.
  stopsAfter: [HTTP, JOBS, CONTROL, SSH, CERTIFICATES],
  start({ administrator: _, certificateFiles, directory, opened, ...services }, { config, log, started }) {
    if (!config.ops) return undefined;
    const certificates = () => certificateFiles?.certificates ?? [];
    const storage = opened.stores;
    const measured = {
      ...services,
      storage,
      certificates,
      dataDir: directory.path,
      version: VERSION,
      started,
    };
    return new OpsFrontend(config.ops, measured, log);
  },
  stop: (ops) => ops?.stop(),
});
