import { AdminConsole } from "../backends/admin-ssh/admin-console.ts";
import { BackendSwitch } from "../backends/backend-switch.ts";
import { namesakes } from "../backends/namesakes.ts";
import { InstanceRegistry } from "../backends/oci-http/instances/instance-registry.ts";
import type { Outage } from "../backends/oci-http/instances/opened-instances.ts";
import { type InstanceConfig, SYSTEM_STORE } from "../backends/oci-http/settings/instance-config.ts";
import { storeJobs } from "../backends/oci-http/upkeep/store-jobs.ts";
import { readAdminPassword } from "../config/admin-password.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { ControlSocket } from "../frontends/control/control-socket.ts";
import { ensureTokenKey } from "../frontends/http/auth/token-key.ts";
import { CertificateFiles } from "../frontends/http/listen/certificates.ts";
import { LISTEN_SETTING, LISTEN_TLS_SETTING } from "../frontends/http/listen/http-listener.ts";
import { HttpTraffic } from "../frontends/http/requests/http-traffic.ts";
import { startHttp } from "../frontends/http/threads/start-http.ts";
import { OPS_LISTEN_SETTING, OpsFrontend } from "../frontends/ops/ops-frontend.ts";
import { SSH_LISTEN_SETTING, SshFrontend } from "../frontends/ssh/ssh-frontend.ts";
import { refuseTakenPort } from "../frontends/taken-port.ts";
import { JobRunner } from "../primitives/jobs/job-runner.ts";
import type { Logger } from "../primitives/logging/logger.ts";
import type { ListenAddress } from "../primitives/net/listen-address.ts";
import { reloadTogether } from "../primitives/reload.ts";
import { SYSTEM_IDENTITY } from "../primitives/store/commits/commit-group.ts";
import { holdStores } from "../primitives/store/commits/hold-stores.ts";
import type { Store } from "../primitives/store/commits/store.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import { Authenticator } from "../primitives/users/authenticator.ts";
import { FailureLimiter } from "../primitives/users/failure-limiter.ts";
import { KnownNetworksFile } from "../primitives/users/known-networks-file.ts";
import { LoginFailureLog } from "../primitives/users/login-failure-log.ts";
import { PasswordChecker } from "../primitives/users/password-checker.ts";
import { TokenUses } from "../primitives/users/token-uses.ts";
import { ANONYMOUS, isReservedName } from "../primitives/users/user.ts";
import type { UserDirectory } from "../primitives/users/user-directory.ts";
import { USERS_STORE, UserRegistry } from "../primitives/users/user-registry.ts";
import { VERSION } from "../primitives/version.ts";
import { DataDirectory } from "./data-directory.ts";
import { Lifetime } from "./lifetime.ts";

/** The running server: what listens, and how to end it. */
export interface Server {
  readonly http: ListenAddress | undefined;
  readonly https: ListenAddress | undefined;
  readonly ssh: ListenAddress | undefined;
  /** Where health and metrics are told. */
  readonly ops: ListenAddress | undefined;
  readonly dataDir: string;
  readonly adminName: string;
  /** The administrator's password, if this start generated it. */
  readonly generatedPassword: string | undefined;
  readonly instances: readonly InstanceConfig[];
  /** The registries whose store can't be opened. */
  readonly outages: readonly Outage[];
  /**
   * Takes over users, registries and backends that were committed with git, and answers what changed; rejects where one
   * of them makes no sense, and takes over none.
   */
  reload(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/**
 * Opens the stores, wires backends to frontends and starts to listen; whatever fails, nothing is left half started. Rejects with
 * `EndRequested` when the end of `lifetime` is asked for meanwhile.
 */
export async function startServer(
  config: ServerConfig,
  log: Logger,
  lifetime = new Lifetime(),
): Promise<Server> {
  const started = Date.now() / 1000;
  let generatedPassword: string | undefined;
  try {
    const directory = DataDirectory.acquire(config.dataDir, { report: log.warn });
    lifetime.defer("the data directory", () => directory.release());
    const stores = localStores(directory.path, log, lifetime.signal);
    lifetime.defer("the room in reserve", stores.room.keepReserve());
    const usersStore: Store = await lifetime.start("opening the users", () => stores.open(USERS_STORE));
    lifetime.defer("the users", () => usersStore.close());
    const users = await lifetime.start("reading the users", () => UserRegistry.load(usersStore, log.warn));
    const tokenUses = new TokenUses(`${directory.path}/token_uses.json`, log);
    lifetime.defer("the uses of tokens", () => tokenUses.close());
    const failureLog = new LoginFailureLog(log);
    lifetime.defer("the log of failed logins", () => failureLog.close());
    const networks = new KnownNetworksFile(`${directory.path}/known_networks.json`, log);
    lifetime.defer("from where users log in", () => networks.close());
    const passwords = new PasswordChecker(() => users.directory, {
      limiter: new FailureLimiter(networks.known),
      failed: (failure) => failureLog.note(failure),
    });
    const authenticator = new Authenticator(
      () => users.directory,
      (...args) => passwords.check(...args),
      (id) => tokenUses.note(id),
    );

    const system = await lifetime.start("opening the configuration", () => stores.open(SYSTEM_STORE));
    lifetime.defer("the configuration", () => system.close());
    const backends = await BackendSwitch.load(system, [
      ...(config.instances ? (["oci-http"] as const) : []),
      ...(config.ssh ? (["admin-ssh"] as const) : []),
    ]);
    const instances = await lifetime.start("opening the registries", () =>
      InstanceRegistry.open(
        { system, stores, users: () => users.directory, quotas: config.quotas, log },
        config.instances ?? ((stored) => stored ?? []),
      ),
    );
    lifetime.defer("the registries", () => instances.close());
    if (config.http) refuseTakenPort("HTTP", config.http.settings.listen, LISTEN_SETTING);
    if (config.http?.settings.listenTls)
      refuseTakenPort("HTTPS", config.http.settings.listenTls, LISTEN_TLS_SETTING);
    if (config.ops) refuseTakenPort("health and metrics", config.ops, OPS_LISTEN_SETTING);
    if (config.ssh) refuseTakenPort("SSH", config.ssh, SSH_LISTEN_SETTING);
    // Before anybody can reach the server, and once its ports were free: a generated password is shown only once.
    generatedPassword = await lifetime.start("making the administrator", () =>
      bootstrapAdmin(users, config.admin, log),
    );
    reportNames(users.directory, instances.list(), log);
    const tokenKey = await lifetime.start("reading the token key", () =>
      ensureTokenKey(`${directory.path}/token_key`),
    );
    const traffic = new HttpTraffic(config.http?.workers ?? 1);
    let ops: OpsFrontend | undefined;
    // Ended after HTTP: while that finishes what is under way, whoever asks is told so.
    lifetime.defer("health and metrics", () => ops?.stop());
    const certificates =
      config.http?.settings.listenTls && new CertificateFiles(config.http.certificates, log);
    const { http: httpConfig, ssh: listenSsh } = config;
    const http =
      httpConfig &&
      (await lifetime.start("starting HTTP", () =>
        startHttp(
          {
            ...httpConfig,
            certificates: certificates?.certificates ?? [],
            tokenKey,
            traffic,
            spawn: () => new Worker(new URL("./http-worker.ts", import.meta.url)),
          },
          { users, passwords, authenticator, instances, backends, tokenUses, log },
        ),
      ));
    lifetime.defer("HTTP", () => http?.stop());
    if (http && certificates) {
      certificates.watch((renewed) => http.renewCertificates(renewed));
      lifetime.defer("the certificates", () => certificates.stop(), BESIDE_HTTP);
    }
    const jobs = new JobRunner(storeJobs(instances, config.jobs), log);
    lifetime.defer("jobs", () => jobs.close(), BESIDE_HTTP);
    ops =
      config.ops &&
      new OpsFrontend(
        config.ops,
        { instances, users, passwords, jobs, traffic, version: VERSION, started },
        log,
      );
    const openStores = () => [
      { name: USERS_STORE, store: usersStore },
      { name: SYSTEM_STORE, store: system },
      ...instances.stores().map(({ location, store }) => ({ name: location.store, store })),
    ];
    const control = new ControlSocket(
      directory.path,
      {
        jobs,
        hold: (work, signal) =>
          instances.withRemovals(async () => {
            const release = await holdStores(
              openStores().map(({ store }) => store),
              signal,
            );
            try {
              await work();
            } finally {
              release();
            }
          }, signal),
        heldStores: () => ({
          openStores: openStores().map(({ name }) => name),
          sparseStores: instances
            .list()
            .flatMap(({ references, store }) => (references === "sparse" ? [store] : [])),
        }),
      },
      log,
    );
    lifetime.defer("commands of this machine", () => control.stop(), BESIDE_HTTP);
    // So that the first question about the history need not wait for it.
    for (const { history, location } of instances.stores()) {
      history
        .catchUp()
        .catch((error) => log.error(`the history of the store '${location.store}' could not be read`, error));
    }
    const owners = () => namesakes(users.directory, instances.list());
    const reload = async () => {
      const before = owners();
      const changes = await reloadTogether([users, instances, backends]);
      const added = owners().filter((name) => !before.includes(name));
      return [...changes, ...added.map(describeNamesake)];
    };
    const adminConsole = new AdminConsole(
      {
        users,
        instances,
        jobs,
        backends,
        tokenUses,
        server: { started, failedLogins: passwords.failures, traffic, reload },
      },
      log,
    );
    const ssh =
      listenSsh &&
      (await lifetime.start("starting SSH", async () =>
        SshFrontend.start({
          listen: listenSsh,
          hostKeyFile: `${directory.path}/ssh_host_ed25519_key`,
          spawn: () => new Worker(new URL("./ssh-worker.ts", import.meta.url)),
          authenticator,
          users: () => users.directory,
          lockedFor: (...args) => passwords.lockedFor(...args),
          console: adminConsole,
          log,
        }),
      ));
    if (ssh) {
      lifetime.defer("SSH", () => ssh.stop(), BESIDE_HTTP);
      users.onChange(() => ssh.usersChanged());
    }
    ops?.ready();
    return {
      http: http?.addresses.plain,
      https: http?.addresses.tls,
      ssh: ssh?.address,
      ops: config.ops && ops && { hostname: config.ops.hostname, port: ops.port },
      dataDir: directory.path,
      adminName: config.admin.name,
      generatedPassword,
      instances: instances.list(),
      outages: instances.outages(),
      reload,
      async stop() {
        ops?.drain();
        await lifetime.end(log);
      },
    };
  } catch (error) {
    await lifetime.end(log);
    // It will not be generated again.
    if (generatedPassword)
      log.info(`the administrator '${config.admin.name}' has the password ${generatedPassword}`);
    throw error;
  }
}

/** The clients of all ways in are sent away at the same time, while requests under way are answered. */
const BESIDE_HTTP = { beside: true };

function describeNamesake(name: string): string {
  return `the user '${name}' owns the registry '${name}' because it bears its name`;
}

/** What an operator should know of names that an earlier version, git or a flag has let in. */
function reportNames(users: UserDirectory, instances: readonly InstanceConfig[], log: Logger): void {
  for (const name of namesakes(users, instances)) log.warn(describeNamesake(name));
  for (const { name } of users.list()) {
    if (name !== ANONYMOUS && isReservedName(name))
      log.warn(
        `the user '${name}' bears a name that is reserved: its commits look like the server's own; give it another login`,
      );
  }
}

/** Answers the password that was generated, if one was. */
async function bootstrapAdmin(
  users: UserRegistry,
  { name, password }: ServerConfig["admin"],
  log: Logger,
): Promise<string | undefined> {
  if (users.directory.hasAdministrator()) {
    const isSet = password?.kind === "given" || password?.isSet;
    const setting = password?.kind === "given" ? "--admin-password" : "--admin-password-file";
    if (isSet) {
      log.info(
        `${setting} is not used: there is an administrator already; 'everlock passwd' or the console changes it`,
      );
    }
    return undefined;
  }
  const generated = crypto.getRandomValues(new Uint8Array(15)).toBase64({ alphabet: "base64url" });
  await users.bootstrap(SYSTEM_IDENTITY, name, password ? readAdminPassword(password, log) : generated);
  return password ? undefined : generated;
}
