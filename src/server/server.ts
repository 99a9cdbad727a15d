import type { Outage } from "../backends/oci-http/instances/opened-instances.ts";
import type { InstanceConfig } from "../backends/oci-http/settings/instance-config.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { storageName } from "../config/storage-config.ts";
import type { Logger } from "../primitives/logging/logger.ts";
import type { ListenAddress } from "../primitives/net/listen-address.ts";
import type { UserName } from "../primitives/users/user.ts";
import { DataDirectory } from "./data-directory.ts";
import { Lifetime } from "./lifetime.ts";
import { ADMINISTRATOR, type Administrator } from "./parts/administrator.ts";
import type { StartContext } from "./parts/context.ts";
import { CONTROL } from "./parts/control.ts";
import { DIRECTORY } from "./parts/data.ts";
import { HTTP } from "./parts/http.ts";
import { OPS } from "./parts/ops.ts";
import { StartedParts } from "./parts/part.ts";
import { HISTORIES, INSTANCES, JOBS } from "./parts/registries.ts";
import { RELOAD, type Reload } from "./parts/reload.ts";
import { REPLICAS } from "./parts/replicas.ts";
import { SSH } from "./parts/ssh.ts";
import { USERS } from "./parts/users.ts";

/** The running server: its addresses, and how to stop it. */
export interface Server {
  readonly http: ListenAddress | undefined;
  readonly https: ListenAddress | undefined;
  readonly ssh: ListenAddress | undefined;
  /** The address of health and metrics. */
  readonly ops: ListenAddress | undefined;
  readonly dataDir: string;
  /** The object store, as a URL; `undefined`: the stores are in the data directory. */
  readonly storage: string | undefined;
  readonly adminName: string;
  readonly administrator: Administrator;
  /** Of the SSH host key: `SHA256:…`. */
  readonly fingerprint: string | undefined;
  /** Whether there is a user with this login. */
  hasUser(name: UserName): boolean;
  readonly instances: readonly InstanceConfig[];
  /** The registries whose store can't be opened. */
  readonly outages: readonly Outage[];
  readonly reload: Reload;
  stop(): Promise<void>;
}

/** In start order, each after the parts that it needs. */
const PARTS = [ADMINISTRATOR, HTTP, JOBS, REPLICAS, OPS, CONTROL, HISTORIES, RELOAD, SSH];

/**
 * Opens the stores, connects frontends to backends and starts listening. On failure, everything started is stopped again.
 * Rejects with `EndRequested` if a stop of `lifetime` is requested during the start.
 */
export async function startServer(
  config: ServerConfig,
  log: Logger,
  lifetime = new Lifetime(),
): Promise<Server> {
  const context: StartContext = {
    config,
    log,
    signal: lifetime.signal,
    started: Date.now() / 1000,
    acquireDirectory: () =>
      DataDirectory.acquire(config.dataDir, { report: log.warn, storage: storageName(config.storage) }),
    // In the executable, the entry files are beside this one.
    spawn: {
      http: () => new Worker(new URL("./http-worker.ts", import.meta.url)),
      ssh: () => new Worker(new URL("./ssh-worker.ts", import.meta.url)),
    },
  };
  const parts = new StartedParts(context, lifetime);
  try {
    await parts.start(PARTS);
  } catch (error) {
    await lifetime.end(log);
    const password = parts.find(ADMINISTRATOR)?.generatedPassword;
    // The password is generated only once.
    if (password) log.info(`the administrator '${config.admin.name}' has the password ${password}`);
    throw error;
  }
  parts.value(OPS)?.ready();
  return runningServer(config, parts, async () => {
    parts.value(OPS)?.drain();
    await lifetime.end(log);
  });
}

function runningServer(
  config: ServerConfig,
  parts: StartedParts<StartContext>,
  stop: Server["stop"],
): Server {
  const { plain, tls } = parts.value(HTTP)?.addresses ?? {};
  const ops = parts.value(OPS);
  const instances = parts.value(INSTANCES);
  const ssh = parts.value(SSH);
  const users = parts.value(USERS);
  return {
    http: plain,
    https: tls,
    ssh: ssh?.address,
    ops: config.ops && ops && { hostname: config.ops.hostname, port: ops.port },
    dataDir: parts.value(DIRECTORY).path,
    storage: storageName(config.storage),
    adminName: config.admin.name,
    administrator: parts.value(ADMINISTRATOR),
    fingerprint: ssh?.fingerprint,
    hasUser: (name) => users.directory.get(name) !== undefined,
    instances: instances.list(),
    outages: instances.outages(),
    reload: parts.value(RELOAD),
    stop,
  };
}
