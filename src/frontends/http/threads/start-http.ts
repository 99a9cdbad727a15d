import type { OtherNodes } from "../../../backends/administration/configuration-follower.ts";
import type { BackendSwitch } from "../../../backends/backend-switch.ts";
import type { InstanceRegistry } from "../../../backends/oci-http/instances/instance-registry.ts";
import type { WebCalls } from "../../../backends/web/requests/web-calls.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { WarnOnce } from "../../../primitives/logging/warn-once.ts";
import { SharedVersion } from "../../../primitives/threads/shared-version.ts";
import type { Authenticator } from "../../../primitives/users/authenticator.ts";
import type { PasswordChecker } from "../../../primitives/users/password-checker.ts";
import { TokenAuthority } from "../../../primitives/users/token-authority.ts";
import { TokenSigner } from "../../../primitives/users/token-signer.ts";
import type { TokenUses } from "../../../primitives/users/token-uses.ts";
import type { UserRegistry } from "../../../primitives/users/user-registry.ts";
import { HttpFrontend } from "../http-frontend.ts";
import type { Certificate } from "../listen/certificates.ts";
import { HttpLimits, limitsMemory, randomSeed } from "../listen/http-limits.ts";
import type { HttpAddresses, HttpSettings } from "../listen/http-settings.ts";
import { describeUnknownHost, UnknownHosts } from "../listen/unknown-hosts.ts";
import { type HttpTraffic, ThreadTraffic } from "../requests/http-traffic.ts";
import { HttpThreads } from "./http-threads.ts";
import type { OwnerCalls } from "./thread-calls.ts";
import { ThreadOwner } from "./thread-owner.ts";

/** The services of the main thread, which owns users and stores, that HTTP uses. */
export interface HttpServices {
  readonly users: Pick<UserRegistry, "directory" | "onChange">;
  readonly instances: Pick<
    InstanceRegistry,
    "hosts" | "namespaces" | "served" | "openStore" | "serveWith" | "mirrors"
  >;
  readonly backends: Pick<BackendSwitch, "isEnabled" | "onChange">;
  readonly authenticator: Authenticator;
  readonly passwords: Pick<PasswordChecker, "check">;
  readonly tokenUses: Pick<TokenUses, "note">;
  readonly web: WebCalls;
  /** `undefined` where no other node uses the storage. */
  readonly others?: OtherNodes | undefined;
  readonly log: Logger;
}

export interface HttpOptions {
  readonly settings: HttpSettings;
  readonly certificates: readonly Certificate[];
  readonly tokenKey: Uint8Array;
  /** Counters, with a part for each thread. */
  readonly traffic: HttpTraffic;
  /** Number of threads that serve HTTP; with 1, the main thread serves. */
  readonly workers: number;
  /** Creates a worker thread that runs `http-worker.ts`. */
  readonly spawn: () => Worker;
  /** A worker thread that does not answer for this time (ms) is replaced. */
  readonly answerTimeoutMs?: number;
}

/** The running HTTP service, on one or more threads. */
export interface RunningHttp {
  readonly addresses: HttpAddresses;
  /** New connections use the new certificates; requests in progress finish on their old connections. */
  renewCertificates(certificates: readonly Certificate[]): Promise<void>;
  /** Stops accepting, and waits up to the stop timeout for requests in progress. */
  stop(): Promise<void>;
}

/** Serves HTTP on this thread (the main thread) or on worker threads. Rejects with `ListenError`. */
export async function startHttp(options: HttpOptions, services: HttpServices): Promise<RunningHttp> {
  const once = new WarnOnce(services.log);
  const unknownHosts = new UnknownHosts((host, remote) =>
    services.log.warn(describeUnknownHost(host, remote, [...services.instances.hosts().keys()])),
  );
  const notes: Notes = {
    warnOnce: (topic, message) => once.warn(topic, message),
    noteUnknownHost: (host, remote) => unknownHosts.note(host, () => remote),
  };
  return options.workers === 1
    ? startOnThisThread(options, services, notes)
    : startThreads(options, services, notes);
}

/** What the requests of all threads give the operator to know. */
type Notes = Pick<OwnerCalls, "warnOnce" | "noteUnknownHost">;

function startOnThisThread(
  { settings, certificates, tokenKey, traffic }: HttpOptions,
  { users, instances, backends, authenticator, web, others, log }: HttpServices,
  { warnOnce, noteUnknownHost }: Notes,
): HttpFrontend {
  return new HttpFrontend({
    settings,
    certificates,
    isShared: false,
    guardsConnections: true,
    hosts: () => instances.hosts(),
    namespaces: () => instances.namespaces(),
    isServing: () => backends.isEnabled("oci-http"),
    servesPages: () => backends.isEnabled("web"),
    web,
    others,
    authenticator,
    tokens: new TokenAuthority(new TokenSigner(tokenKey), () => users.directory),
    traffic: new ThreadTraffic(traffic.memory, 0),
    limits: new HttpLimits(settings.limits, limitsMemory(), 0, randomSeed()),
    warnOnce,
    onUnknownHost: noteUnknownHost,
    log,
  });
}

async function startThreads(
  { workers: count, ...options }: HttpOptions,
  { users, instances, backends, passwords, tokenUses, web, others, log }: HttpServices,
  notes: Notes,
): Promise<HttpThreads> {
  const version = new SharedVersion();
  const owned = {
    state: () => ({
      version: version.current,
      users: users.directory.list(),
      groups: users.directory.groups(),
      instances: instances.served(),
      isServing: backends.isEnabled("oci-http"),
      servesPages: backends.isEnabled("web"),
    }),
    web,
    mirrors: instances.mirrors,
    refreshConfiguration: async () => others?.refresh(),
    openStore: instances.openStore.bind(instances),
    checkPassword: passwords.check.bind(passwords),
    noteTokenUse: tokenUses.note.bind(tokenUses),
    ...notes,
    log,
  };
  const threads = await HttpThreads.start({
    ...options,
    count,
    version,
    hasNodes: others !== undefined,
    owner: (port) => new ThreadOwner(port, owned),
    log,
  });
  users.onChange(() => threads.changed());
  backends.onChange(() => threads.changed());
  instances.serveWith(threads);
  return threads;
}
