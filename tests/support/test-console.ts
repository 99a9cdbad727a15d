import { AdminConsole, type ConsoleChannel } from "../../src/backends/admin-ssh/admin-console.ts";
import type { ConsoleServices } from "../../src/backends/admin-ssh/commands/command.ts";
import { BackendSwitch } from "../../src/backends/backend-switch.ts";
import { InstanceRegistry } from "../../src/backends/oci-http/instances/instance-registry.ts";
import { SYSTEM_STORE } from "../../src/backends/oci-http/settings/instance-config.ts";
import { storeJobs } from "../../src/backends/oci-http/upkeep/store-jobs.ts";
import { resolveServerConfig } from "../../src/config/server-config.ts";
import { JobRunner } from "../../src/primitives/jobs/job-runner.ts";
import { reloadTogether } from "../../src/primitives/reload.ts";
import { SYSTEM_IDENTITY } from "../../src/primitives/store/commits/commit-group.ts";
import { OneNode } from "../../src/primitives/store/engine/local/one-node.ts";
import type { Nodes } from "../../src/primitives/store/engine/nodes.ts";
import { StoreManager } from "../../src/primitives/store/store-manager.ts";
import { PasswordChecker } from "../../src/primitives/users/password-checker.ts";
import { passwordHashes, type UserName } from "../../src/primitives/users/user.ts";
import { USERS_STORE, UserRegistry } from "../../src/primitives/users/user-registry.ts";
import { afterThisTest } from "./cleanup.ts";
import { MemoryEngine } from "./memory-engine/memory-engine.ts";
import { NO_REPLICAS } from "./registry-services.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** The outcome of one command line. */
export interface ConsoleRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The console with all its services, over stores in memory. */
export interface TestConsole {
  readonly services: ConsoleServices;
  readonly dataDir: string;
  /** Runs a command line as `admin`, or as another user. `input` is standard input. */
  run(line: string, options?: { readonly as?: string; readonly input?: string }): Promise<ConsoleRun>;
  /** The newest commits of the stores of users and of the configuration. */
  heads(): readonly (string | undefined)[];
  /** What the server logged. */
  readonly logged: string[];
}

/** Opens a console with the administrator `admin`, whose password is `change-me`, and the registry `default`. */
export async function openTestConsole(): Promise<TestConsole> {
  const logged: string[] = [];
  const line = (message: string) => void logged.push(message);
  const log = {
    info: line,
    warn: line,
    error: (message: string, cause: unknown) => line(`${message}: ${cause}`),
  };
  const dataDir = temporaryDirectory();
  const stores = new StoreManager({ kind: "local", dataDir }, new MemoryEngine(new Map()), log);
  const opened = await openStores(stores, log);
  const { users, system, userStore } = opened;
  const services = servicesOf(opened, log);
  const console = new AdminConsole(services, log);
  return {
    services,
    dataDir,
    logged,
    run: async (text, { as = "admin", input = "" } = {}) => {
      const user = as as UserName;
      const known = users.directory.get(user);
      const hashes = known ? passwordHashes(known) : [];
      const { channel, written } = channelOf(input);
      const code = await console.execute({ user, by: { kind: "password", hashes } }, text, channel);
      return { code, ...written };
    },
    heads: () => [userStore, system].map((store) => store.head().commitId),
  };
}

type Log = ConstructorParameters<typeof AdminConsole>[1];

async function openStores(stores: StoreManager, log: Log) {
  const system = await stores.open(SYSTEM_STORE);
  const userStore = await stores.open(USERS_STORE);
  afterThisTest(async () => {
    await userStore.close();
    await system.close();
  });
  const users = await UserRegistry.load(userStore, log.warn);
  await users.bootstrap(SYSTEM_IDENTITY, "admin" as UserName, "change-me");
  const instances = await InstanceRegistry.open(
    { system, stores, users: () => users.directory, log },
    resolveServerConfig([], {}).instances ?? ((stored) => stored ?? []),
  );
  afterThisTest(() => instances.close());
  const backends = await BackendSwitch.load(system, ["oci-http", "admin-ssh"]);
  return { system, userStore, users, instances, backends };
}

function servicesOf(
  { users, instances, backends }: Awaited<ReturnType<typeof openStores>>,
  log: Log,
): ConsoleServices {
  const jobs = new JobRunner(
    storeJobs(instances, { gcEvery: undefined, gcGrace: 3600, scrubEvery: undefined }),
    log,
  );
  afterThisTest(() => jobs.close());
  return {
    users,
    instances,
    replicas: NO_REPLICAS,
    backends,
    jobs,
    passwords: new PasswordChecker(() => users.directory),
    passwordMinLength: 1,
    tokenUses: { lastUse: () => undefined },
    server: {
      started: 0,
      failedLogins: { refused: 0, limited: 0 },
      traffic: {
        totals: () => ({ requests: 0, clientErrors: 0, serverErrors: 0, received: 0, sent: 0, underWay: 0 }),
      },
      reload: () => reloadTogether([users, instances, backends]),
      nodes: announced(),
    },
  };
}

/** The nodes of a storage that has one. */
function announced(): Nodes {
  const nodes = new OneNode("node");
  const load = { cpu: 0.5, memoryBytes: 1 << 20, requestsPerSecond: 12.25, requestsUnderWay: 3 };
  nodes.announce(() => ({ host: "machine", version: "1.2.3", started: 0, ...load }));
  return nodes;
}

function channelOf(input: string) {
  const written = { stdout: "", stderr: "" };
  const channel: ConsoleChannel = {
    input: (async function* () {
      if (input !== "") yield Buffer.from(input);
    })(),
    screen: undefined,
    remote: "192.0.2.1",
    async write(text) {
      written.stdout += text;
    },
    async writeError(text) {
      written.stderr += text;
    },
  };
  return { channel, written };
}
