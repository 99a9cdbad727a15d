import type { OtherNodes } from "../../../backends/administration/configuration-follower.ts";
import { InstanceTable } from "../../../backends/oci-http/instances/instance-table.ts";
import { ServedView, type StoreOwner } from "../../../backends/oci-http/store/served-view.ts";
import type { ViewLocation } from "../../../backends/oci-http/store/view-location.ts";
import { WEB } from "../../../backends/web/requests/web-calls.ts";
import { SharedRun } from "../../../primitives/jobs/shared-run.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { inStepWith } from "../../../primitives/monotonic-clock.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { CallPort } from "../../../primitives/threads/call-port.ts";
import { Heartbeat } from "../../../primitives/threads/heartbeat.ts";
import type { Remote } from "../../../primitives/threads/service.ts";
import { SharedVersion } from "../../../primitives/threads/shared-version.ts";
import { Authenticator } from "../../../primitives/users/authenticator.ts";
import { TokenAuthority } from "../../../primitives/users/token-authority.ts";
import { TokenSigner } from "../../../primitives/users/token-signer.ts";
import { UserDirectory } from "../../../primitives/users/user-directory.ts";
import { HttpFrontend } from "../http-frontend.ts";
import type { Certificate } from "../listen/certificates.ts";
import { HttpLimits } from "../listen/http-limits.ts";
import type { HttpAddresses } from "../listen/http-settings.ts";
import { ThreadTraffic } from "../requests/http-traffic.ts";
import {
  COMMITTED_CONTENT,
  HTTP_OWNER,
  HTTP_THREAD,
  MIRRORS,
  type OwnerCalls,
  STORE_CHANGES,
  STORE_FEED,
  STORE_FRESHNESS,
  STORE_REPORTS,
  type ThreadCalls,
  type ThreadSetup,
  UPLOAD_LOCKS,
} from "./thread-calls.ts";

/** Pause (ms) before a thread retries to open a registry. */
const RETRY_MS = 10_000;

/** One of several worker threads that serve HTTP on one port. It reads stores itself and sends changes to the main thread. */
export class ServingThread implements ThreadCalls {
  readonly #port: CallPort;
  readonly #owner: Remote<OwnerCalls>;
  readonly #table: InstanceTable;
  readonly #views = new Map<number, ServedView>();
  #users = new UserDirectory([]);
  #isServing = false;
  #servesPages = false;
  #version: SharedVersion | undefined;
  /** The version of the served state; -1: none yet. */
  #served = -1;
  #refreshing: Promise<void> | undefined;
  #frontend: HttpFrontend | undefined;

  constructor(port: CallPort) {
    this.#port = port;
    this.#owner = port.remote(HTTP_OWNER);
    this.#table = new InstanceTable(() => this.#users, port.remote(MIRRORS));
    port.serve(HTTP_THREAD, () => this);
  }

  async start(setup: ThreadSetup): Promise<HttpAddresses> {
    const { settings, certificates, tokenKey, run, version, traffic, thread, limits } = setup;
    this.#version = new SharedVersion(version);
    await this.#refresh();
    const users = () => this.#users;
    const heartbeat = new Heartbeat(setup.heartbeat);
    const now = await inStepWith(() => this.#owner.now());
    const authenticator = new Authenticator(
      users,
      async (...args) => {
        const verdict = await this.#owner.checkPassword(...args);
        // The first login of an imported user changes how its password is stored.
        if (!this.#isUpToDate) await this.#refresh();
        return verdict;
      },
      (id) => this.#owner.noteTokenUse(id),
    );
    this.#frontend = new HttpFrontend({
      settings,
      certificates,
      isShared: true,
      onRequest: () => heartbeat.beat(),
      guardsConnections: thread === 0,
      hosts: () => this.#table.hosts,
      namespaces: () => this.#table.namespaces,
      isServing: () => this.#isServing,
      servesPages: () => this.#servesPages,
      web: this.#port.remote(WEB),
      others: setup.hasNodes ? this.#others() : undefined,
      upToDate: () => (this.#isUpToDate ? undefined : this.#refresh()),
      authenticator,
      tokens: new TokenAuthority(new TokenSigner(tokenKey, { run, now }), users),
      traffic: new ThreadTraffic(traffic, thread),
      limits: new HttpLimits(settings.limits, limits.memory, thread, limits.seed, now),
      warnOnce: (...args) => this.#owner.warnOnce(...args),
      onUnknownHost: (...args) => this.#owner.noteUnknownHost(...args),
      log: loggerOf(this.#owner),
    });
    heartbeat.start();
    return this.#frontend.addresses;
  }

  /** What other nodes changed is in the state that this thread serves. */
  #others(): OtherNodes {
    const refreshing = new SharedRun(async () => {
      await this.#owner.refreshConfiguration();
      if (!this.#isUpToDate) await this.#refresh();
    });
    const served = () => this.#served;
    return {
      get version() {
        return served();
      },
      refresh: () => refreshing.run(),
    };
  }

  async renewCertificates(certificates: readonly Certificate[]): Promise<void> {
    await this.#frontend?.renewCertificates(certificates);
  }

  async settled(): Promise<void> {
    await this.#refresh();
    const served = this.#served;
    await this.#table.settled();
    // After a newer state there may again be requests with an older one; the main thread then calls again.
    if (this.#served === served) this.#closeUnusedViews();
  }

  async stop(): Promise<void> {
    await this.#frontend?.stop();
    for (const view of this.#views.values()) view.flush();
  }

  get #isUpToDate(): boolean {
    return this.#version?.current === this.#served;
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#loadState().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #loadState(): Promise<void> {
    while (!this.#isUpToDate) {
      const { version, users, groups, instances, isServing, servesPages } = await this.#owner.state();
      const entries = [];
      for (const { config, location } of instances)
        entries.push({ config, view: location && (await this.#viewIfPossible(config.name, location)) });
      this.#users = new UserDirectory(users, groups);
      this.#table.replace(entries);
      this.#isServing = isServing;
      this.#servesPages = servesPages;
      this.#served = version;
    }
  }

  /** Opens a view; returns `undefined` if it fails, so that the thread can still serve the other registries. */
  async #viewIfPossible(name: string, location: ViewLocation): Promise<ServedView | undefined> {
    try {
      return await this.#view(location);
    } catch (error) {
      loggerOf(this.#owner).error(`the registry '${name}' is out of service on an HTTP thread`, error);
      this.#tryAgainLater();
      return undefined;
    }
  }

  #tryAgainLater(): void {
    const timer = setTimeout(() => {
      this.#served = -1;
    }, RETRY_MS);
    timer.unref();
  }

  async #view(location: ViewLocation): Promise<ServedView> {
    const view =
      this.#views.get(location.id) ?? (await ServedView.open(location, this.#storeOwner(location.store)));
    this.#views.set(location.id, view);
    return view;
  }

  #closeUnusedViews(): void {
    const used = new Set([...this.#table.hosts.values()].map((instance) => instance.view));
    for (const [id, view] of this.#views) {
      if (used.has(view)) continue;
      this.#views.delete(id);
      view.close();
    }
  }

  #storeOwner(store: StoreName): StoreOwner {
    const port = this.#port;
    const locks = port.remote(UPLOAD_LOCKS, store);
    return {
      changes: port.remote(STORE_CHANGES, store),
      locks: { acquire: (id) => locks.acquire(id), release: (id) => locks.release(id) },
      reports: port.remote(STORE_REPORTS, store),
      refresh: () => port.remote(STORE_FRESHNESS, store).refresh(),
      feed: port.remote(STORE_FEED, store),
      committed: (view) => port.remote(COMMITTED_CONTENT, store, view),
    };
  }
}

/** The main thread writes the log, so that its lines stay whole and in order. */
function loggerOf(owner: Remote<OwnerCalls>): Logger {
  return {
    info: (message) => owner.log("info", message),
    warn: (message) => owner.log("warn", message),
    error: (message, cause) =>
      owner.log("error", message, cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)),
  };
}
