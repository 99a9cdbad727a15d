import type { Logger } from "../../../primitives/logging/logger.ts";
import { OpenSockets } from "../../../primitives/net/open-sockets.ts";
import type { Certificate } from "./certificates.ts";
import { ConnectionGuard, type ConnectionGuardOptions } from "./connection-guard.ts";
import { HttpListener, type ListenerOptions } from "./http-listener.ts";
import type { HttpAddresses, HttpSettings } from "./http-settings.ts";

export type Scheme = "http" | "https";

export interface HttpListenersOptions extends Pick<ListenerOptions, "onError"> {
  readonly settings: Pick<
    HttpSettings,
    "listen" | "listenTls" | "stopTimeoutMs" | "connectionsPerAddress" | "otherGuardedPorts"
  >;
  /** For TLS, if it is served. */
  readonly certificates: readonly Certificate[];
  /** Whether other threads listen on the same ports. */
  readonly isShared: boolean;
  readonly handle: (scheme: Scheme) => ListenerOptions["handle"];
  /** For the guard of all connections, if this thread runs it. */
  readonly guard: Pick<ConnectionGuardOptions, "isProxy" | "counts"> | undefined;
  readonly log: Logger;
}

/** The sockets of one thread: plain HTTP, HTTPS if it is served, and HTTPS listeners with replaced certificates. */
export class HttpListeners {
  readonly #options: HttpListenersOptions;
  readonly #plain: HttpListener;
  #tls: HttpListener | undefined;
  /** Listeners with replaced certificates, while their last requests are in progress. */
  readonly #draining = new Set<HttpListener>();
  readonly #guard: ConnectionGuard | undefined;

  /** Throws `ListenError`. */
  constructor(options: HttpListenersOptions) {
    this.#options = options;
    this.#plain = this.#listen("http");
    try {
      if (options.settings.listenTls) this.#tls = this.#listen("https", options.certificates);
    } catch (error) {
      void this.#plain.close();
      throw error;
    }
    this.#guard = options.guard && this.#guardConnections(options.guard);
  }

  get addresses(): HttpAddresses {
    return { plain: this.#plain.address, tls: this.#tls?.address };
  }

  /** The port of HTTPS, if it is served. */
  get tlsPort(): number | undefined {
    return this.#tls?.address.port;
  }

  /** Requests whose responses clients have not read to their end. */
  get pending(): number {
    return this.#all().reduce((sum, { pending }) => sum + pending, 0);
  }

  /** New connections use the new certificates; requests in progress finish on their old connections. */
  renewCertificates(certificates: readonly Certificate[]): void {
    const before = this.#tls;
    if (!before) return;
    // The runtime can't change a listener's certificates, but a second one can listen beside it.
    this.#tls = this.#listen("https", certificates);
    this.#draining.add(before);
    before
      .handOver()
      .catch((error) => this.#options.log.error("a listener could not be closed", error))
      .finally(() => this.#draining.delete(before));
  }

  /** Stops accepting, and waits up to the stop timeout for requests in progress. */
  async stop(): Promise<void> {
    this.#guard?.stop();
    const listeners = this.#all();
    const drained = Promise.all(listeners.map((listener) => listener.drain()));
    await Promise.race([drained, Bun.sleep(this.#options.settings.stopTimeoutMs)]);
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  #all(): readonly HttpListener[] {
    return [this.#plain, ...(this.#tls ? [this.#tls] : []), ...this.#draining];
  }

  #listen(scheme: Scheme, certificates?: readonly Certificate[]): HttpListener {
    const { settings, isShared, handle, onError } = this.#options;
    const { listen, listenTls = listen } = settings;
    // A TLS listener is later replaced by another on the same port.
    const address = certificates ? { ...listenTls, port: this.tlsPort ?? listenTls.port } : listen;
    return new HttpListener(address, {
      isShared: isShared || certificates !== undefined,
      ...(certificates && { certificates }),
      handle: handle(scheme),
      onError,
    });
  }

  #guardConnections(
    options: Pick<ConnectionGuardOptions, "isProxy" | "counts">,
  ): ConnectionGuard | undefined {
    const { settings, log } = this.#options;
    const sockets = OpenSockets.open();
    if (!sockets) {
      if (process.platform === "linux") log.warn("C library not found: HTTP connections are not limited");
      return undefined;
    }
    const guard = new ConnectionGuard({
      ...options,
      sockets,
      ports: new Set([
        this.#plain.address.port,
        ...(this.#tls ? [this.#tls.address.port] : []),
        ...settings.otherGuardedPorts,
      ]),
      perNetwork: settings.connectionsPerAddress,
      log,
    });
    guard.start();
    return guard;
  }
}
