import { TOKEN_PATH } from "../../backends/oci-http/instances/challenge.ts";
import { describeStorageTrouble, storageTroubleOf } from "../../primitives/fs/storage-trouble.ts";
import { LogThrottle } from "../../primitives/logging/log-throttle.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { OpenSockets } from "../../primitives/net/open-sockets.ts";
import { lookUpVhost, vhostOf } from "../../primitives/net/vhost.ts";
import type { Authenticator } from "../../primitives/users/authenticator.ts";
import type { TokenAuthority } from "../../primitives/users/token-authority.ts";
import { ANONYMOUS } from "../../primitives/users/user.ts";
import { errorResponse, RegistryError } from "../../registry/requests/errors.ts";
import { type RequestTrace, traceRoute } from "../../registry/requests/trace.ts";
import { RequestAuthenticator } from "./auth/request-authenticator.ts";
import { TokenEndpoint } from "./auth/token-endpoint.ts";
import type { Certificate } from "./listen/certificates.ts";
import { ConnectionGuard } from "./listen/connection-guard.ts";
import type { HttpLimits } from "./listen/http-limits.ts";
import { HttpListener } from "./listen/http-listener.ts";
import type { HttpAddresses, HttpSettings } from "./listen/http-settings.ts";
import { ProxyHints } from "./listen/proxy-hints.ts";
import { type ProxiedClient, TrustedProxies } from "./listen/trusted-proxies.ts";
import { AccessLog } from "./requests/access-log.ts";
import type { ClientConnection } from "./requests/client-connection.ts";
import type { HttpBackend } from "./requests/http-backend.ts";
import type { ThreadTraffic } from "./requests/http-traffic.ts";
import { RequestBodies } from "./requests/request-bodies.ts";
import { SharedBodies } from "./requests/shared-bodies.ts";
import { WaitingBodies } from "./requests/waiting-bodies.ts";

export interface HttpFrontendOptions {
  readonly settings: HttpSettings;
  /** For TLS, if it is served. */
  readonly certificates: readonly Certificate[];
  /** Whether other threads listen on the same ports. */
  readonly isShared: boolean;
  /** Called for each request that begins. */
  readonly onRequest?: () => void;
  /** Whether this thread watches the connections of all. */
  readonly guardsConnections: boolean;
  /** Something to wait for before a request is looked at, so that it sees every change made before. */
  readonly upToDate?: () => Promise<void> | undefined;
  /** The service at each virtual host; asked for each request, so that it may change while serving. */
  readonly hosts: () => ReadonlyMap<string, HttpBackend>;
  /** Whether the backends serve; asked for each request. */
  readonly isServing: () => boolean;
  readonly authenticator: Authenticator;
  readonly tokens: TokenAuthority;
  readonly traffic: ThreadTraffic;
  readonly limits: HttpLimits;
  /** Logs a warning that is worth it once, whichever thread comes by it. */
  readonly warnOnce: (topic: string, message: string) => void;
  readonly log: Logger;
}

type Scheme = "http" | "https";

/** What the log tells of a request beside what the engine learns of it. */
interface HttpTrace extends RequestTrace {
  instance: string;
  user: string;
  readonly connection: ClientConnection;
  /** The client's address, once it is known that no proxy stands before it. */
  remote: () => string;
}

/** Serves virtual hosts over HTTP: finds the backend by Host, finds out who is asking, and hands on. */
export class HttpFrontend {
  readonly #options: HttpFrontendOptions;
  readonly #authenticator: RequestAuthenticator;
  readonly #tokenEndpoint: TokenEndpoint;
  readonly #proxies: TrustedProxies;
  readonly #hints: ProxyHints;
  readonly #log: AccessLog | undefined;
  /** A stack would tell nothing, and on a full disk every push fails. */
  readonly #troubles: LogThrottle;
  readonly #plain: HttpListener;
  #tls: HttpListener | undefined;
  readonly #lists = new WaitingBodies();
  readonly #manifests = new SharedBodies(() => this.#untaken);
  /** Requests that are being handled. */
  #handling = 0;
  readonly #guard: ConnectionGuard | undefined;
  /** Listeners whose certificates were replaced, while they answer their last requests. */
  readonly #draining = new Set<HttpListener>();

  /** Throws `ListenError`. */
  constructor(options: HttpFrontendOptions) {
    this.#options = options;
    this.#authenticator = new RequestAuthenticator(options.authenticator, options.tokens);
    this.#tokenEndpoint = new TokenEndpoint(this.#authenticator, options.tokens);
    this.#proxies = new TrustedProxies(options.settings.proxies);
    this.#troubles = new LogThrottle((message) => options.log.warn(message));
    this.#hints = new ProxyHints(options.settings.proxies, options.warnOnce);
    const { accessLog } = options.settings;
    this.#log =
      accessLog && new AccessLog(accessLog, (error) => options.log.error("the access log failed", error));
    this.#plain = this.#listen("http");
    try {
      if (options.settings.listenTls) this.#tls = this.#listen("https", options.certificates);
    } catch (error) {
      void this.#plain.close();
      throw error;
    }
    this.#guard = options.guardsConnections ? this.#guardConnections() : undefined;
  }

  get addresses(): HttpAddresses {
    return { plain: this.#plain.address, tls: this.#tls?.address };
  }

  /** New connections get the new certificates; requests under way are answered on their old connections. */
  async renewCertificates(certificates: readonly Certificate[]): Promise<void> {
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

  /** Lets requests under way finish, for a while, and takes no new ones. */
  async stop(): Promise<void> {
    this.#guard?.stop();
    const listeners = [this.#plain, ...(this.#tls ? [this.#tls] : []), ...this.#draining];
    const drained = Promise.all(listeners.map((listener) => listener.drain()));
    await Promise.race([drained, Bun.sleep(this.#options.settings.stopTimeoutMs)]);
    await Promise.all(listeners.map((listener) => listener.close()));
    this.#log?.close();
  }

  /** Answers that their clients have not taken yet. */
  get #untaken(): number {
    const listeners = [this.#plain, ...(this.#tls ? [this.#tls] : []), ...this.#draining];
    return listeners.reduce((sum, { pending }) => sum + pending, 0) - this.#handling;
  }

  #guardConnections(): ConnectionGuard | undefined {
    const { settings, traffic, log } = this.#options;
    const sockets = OpenSockets.open();
    if (!sockets) {
      if (process.platform === "linux")
        log.warn("the C library was not found: HTTP connections have no caps");
      return undefined;
    }
    const guard = new ConnectionGuard({
      sockets,
      ports: new Set([
        this.#plain.address.port,
        ...(this.#tls ? [this.#tls.address.port] : []),
        ...settings.alsoGuarded,
      ]),
      perNetwork: settings.connectionsPerAddress,
      isProxy: (address) => this.#proxies.includes(address),
      counts: traffic,
      log,
    });
    guard.start();
    return guard;
  }

  #listen(scheme: Scheme, certificates?: readonly Certificate[]): HttpListener {
    const { settings, isShared } = this.#options;
    const { listen, listenTls = listen } = settings;
    // A listener for TLS is followed by another on the same port.
    const address = certificates ? { ...listenTls, port: this.#tls?.address.port ?? listenTls.port } : listen;
    return new HttpListener(address, {
      isShared: isShared || certificates !== undefined,
      ...(certificates && { certificates }),
      answer: (request, connection) => this.#answerTraced(request, scheme, connection),
      failed: (error) => this.#failed(error),
    });
  }

  async #answerTraced(request: Request, scheme: Scheme, connection: ClientConnection): Promise<Response> {
    const { traffic } = this.#options;
    const began = performance.now();
    // For the log it must be asked before the answer: a client that has gone has no address any more.
    const address = this.#log && connection.peer;
    const trace: HttpTrace = {
      route: "other",
      repository: undefined,
      instance: "",
      user: ANONYMOUS,
      received: 0,
      sent: 0,
      remote: () => address ?? connection.peer,
      connection,
    };
    traffic.begin();
    this.#options.onRequest?.();
    this.#handling++;
    const response = await this.#answer(request, scheme, trace);
    this.#handling--;
    const { method } = request;
    const { status, headers } = response;
    const { hstsSeconds } = this.#options.settings;
    if (scheme === "https" && hstsSeconds !== undefined)
      headers.set("Strict-Transport-Security", `max-age=${hstsSeconds}`);
    const { route, received } = trace;
    const sent = method === "HEAD" ? 0 : trace.sent || Number(headers.get("Content-Length") ?? 0);
    const ms = performance.now() - began;
    traffic.end({ method, route, status, seconds: ms / 1000, received, sent });
    this.#log?.write({
      time: new Date(),
      remote: trace.remote(),
      user: trace.user,
      instance: trace.instance,
      repository: trace.repository ?? "",
      method,
      path: splitTarget(request.url).path,
      status,
      received,
      sent,
      ms: Math.round(ms * 1000) / 1000,
      client: request.headers.get("User-Agent") ?? "",
    });
    return response;
  }

  async #answer(request: Request, scheme: Scheme, trace: HttpTrace): Promise<Response> {
    try {
      const result = await this.#route(request, scheme, trace);
      return result instanceof RegistryError ? errorResponse(result) : result;
    } catch (error) {
      // Nobody is left to be answered, and a client that goes away is no failure of ours.
      if (request.signal.aborted) return errorResponse(new RegistryError("uploadInterrupted"));
      return this.#failed(error);
    }
  }

  async #route(request: Request, scheme: Scheme, trace: HttpTrace): Promise<Response | RegistryError> {
    const refreshing = this.#options.upToDate?.();
    if (refreshing !== undefined) await refreshing;
    const client = this.#clientOf(request, trace.remote);
    if (client) trace.remote = () => client.address;
    const usedScheme = client?.scheme ?? scheme;
    const { limits } = this.#options;
    if (limits.limitsRequests && !limits.admitRequest(trace.remote())) {
      return new RegistryError("tooManyRequests", { headers: { "Retry-After": "1" } });
    }
    const host = client?.host ?? request.headers.get("Host");
    const vhost = host === null ? undefined : vhostOf(host);
    if (host === null || vhost === undefined) return new RegistryError("hostInvalid");
    const backend = lookUpVhost(this.#options.hosts(), vhost);
    if (!backend) {
      const message = `no registry is served at the host '${vhost}'`;
      return new RegistryError("hostUnknown", { message });
    }
    trace.instance = backend.audience;
    if (!this.#options.isServing()) {
      return new RegistryError("unavailable", { headers: { "Retry-After": UNAVAILABLE_RETRY_SECONDS } });
    }
    const target = splitTarget(request.url);
    if (usedScheme === "http" && this.#tls && this.#options.settings.redirectsToTls) {
      return redirect(`https://${vhost}${portSuffix(this.#tls.address.port)}${target.path}`, target.query);
    }
    const origin = `${usedScheme}://${host}`;
    const routed = { request, ...target, backend, trace, origin, remote: trace.remote };
    if (routed.path === TOKEN_PATH) {
      trace.route = "token";
      return this.#tokenEndpoint.answer(routed);
    }
    const principal = await this.#authenticator.principal(routed, () => backend.challenge(origin));
    if (principal instanceof RegistryError) {
      traceRoute(target.path, trace);
      return principal;
    }
    trace.user = principal.user;
    const responseBodies = new RequestBodies(this.#lists, this.#manifests, request, trace.connection);
    return backend.handle({ ...routed, principal, limits, responseBodies });
  }

  /** The client behind a trusted proxy; `undefined` where none stands before it. */
  #clientOf(request: Request, peer: () => string): ProxiedClient | undefined {
    const client = this.#proxies.exist ? this.#proxies.clientOf(request, peer()) : undefined;
    if (client) this.#hints.ofProxy(request, peer());
    else this.#hints.ofStranger(request, peer);
    return client;
  }

  #failed(error: unknown): Response {
    const trouble = storageTroubleOf(error);
    if (trouble !== undefined) {
      this.#troubles.log(
        trouble,
        `a request failed: ${describeStorageTrouble(trouble)} (${messageOf(error)})`,
      );
      const headers = { "Retry-After": TROUBLE_RETRY_SECONDS };
      if (trouble === "no-room") return errorResponse(new RegistryError("diskFull", { headers }));
      const message = describeStorageTrouble(trouble);
      return errorResponse(new RegistryError("diskFailed", { message, headers }));
    }
    this.#options.log.error("a request failed", error);
    return errorResponse(new RegistryError("internal"));
  }
}

const HTTPS_PORT = 443;
const UNAVAILABLE_RETRY_SECONDS = "30";
const TROUBLE_RETRY_SECONDS = "10";

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function portSuffix(port: number): string {
  return port === HTTPS_PORT ? "" : `:${port}`;
}

/** Permanent, and the method and body stay the same. */
function redirect(url: string, query: URLSearchParams): Response {
  const Location = query.size > 0 ? `${url}?${query}` : url;
  return new Response(null, { status: 308, headers: { Location } });
}

/** Shared by all requests without a query; nothing changes it. */
const NO_QUERY = new URLSearchParams();

/** The path (still percent-encoded) and the query of an absolute URL, without trusting it to be one. */
function splitTarget(url: string): { path: string; query: URLSearchParams } {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const target = start < 0 ? "/" : url.slice(start);
  const mark = target.indexOf("?");
  return mark < 0
    ? { path: target, query: NO_QUERY }
    : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
