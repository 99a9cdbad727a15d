import type { OtherNodes } from "../../backends/administration/configuration-follower.ts";
import { TOKEN_PATH } from "../../backends/oci-http/instances/challenge.ts";
import type { WebCalls } from "../../backends/web/requests/web-calls.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { lookUpVhost, vhostOf } from "../../primitives/net/vhost.ts";
import type { Authenticator } from "../../primitives/users/authenticator.ts";
import type { TokenAuthority } from "../../primitives/users/token-authority.ts";
import { ANONYMOUS } from "../../primitives/users/user.ts";
import { errorResponse, RegistryError } from "../../registry/requests/errors.ts";
import { traceRoute } from "../../registry/requests/trace.ts";
import { RequestAuthenticator } from "./auth/request-authenticator.ts";
import { TokenEndpoint } from "./auth/token-endpoint.ts";
import type { Certificate } from "./listen/certificates.ts";
import type { HttpLimits } from "./listen/http-limits.ts";
import { HttpListeners, type Scheme } from "./listen/http-listeners.ts";
import type { HttpAddresses, HttpSettings } from "./listen/http-settings.ts";
import { ProxyHints } from "./listen/proxy-hints.ts";
import { hostWithPort, type ProxiedClient, TrustedProxies } from "./listen/trusted-proxies.ts";
import { type ReportHost, UnknownHosts } from "./listen/unknown-hosts.ts";
import { AccessLog } from "./requests/access-log.ts";
import type { ClientConnection } from "./requests/client-connection.ts";
import { CrossOrigin } from "./requests/cross-origin.ts";
import { FailedRequests } from "./requests/failed-requests.ts";
import type { HttpBackend } from "./requests/http-backend.ts";
import { HTTP_FAULTS } from "./requests/http-faults.ts";
import { type HttpTrace, mayBeMore } from "./requests/http-trace.ts";
import type { ThreadTraffic } from "./requests/http-traffic.ts";
import { PathPrefix } from "./requests/path-prefix.ts";
import { RequestBodies } from "./requests/request-bodies.ts";
import { splitTarget } from "./requests/request-target.ts";
import { SharedBodies } from "./requests/shared-bodies.ts";
import { StreamedBodies } from "./requests/streamed-bodies.ts";
import { tlsRedirect } from "./requests/tls-redirect.ts";
import { unknownHostResponse } from "./requests/unknown-host.ts";
import { keepUpstreamName, upstreamNameIn } from "./requests/upstream-name.ts";
import { asksForPage, unknownHostPage } from "./web/plain-page.ts";
import { WebEndpoint } from "./web/web-endpoint.ts";
import { webErrorResponse } from "./web/web-errors.ts";
import { isWebPath } from "./web/web-paths.ts";

export interface HttpFrontendOptions {
  readonly settings: HttpSettings;
  /** Certificates for HTTPS; empty without it. */
  readonly certificates: readonly Certificate[];
  /** Whether other threads listen on the same ports. */
  readonly isShared: boolean;
  /** Called at the start of each request. */
  readonly onRequest?: () => void;
  /** Whether this thread watches the connections of all. */
  readonly guardsConnections: boolean;
  /** Awaited before each request, so that it sees every earlier change on other threads. */
  readonly upToDate?: () => Promise<void> | undefined;
  /** What other nodes change, looked at before a request is refused. */
  readonly others?: OtherNodes | undefined;
  /** The backend of each virtual host; read for each request, because it may change. */
  readonly hosts: () => ReadonlyMap<string, HttpBackend>;
  /** The backends that containerd's `ns` selects, besides; read for each request. */
  readonly namespaces: () => { find(vhost: string, name: string): HttpBackend | undefined };
  /** Whether the backends are in service; read for each request. */
  readonly isServing: () => boolean;
  /** Whether the pages are in service; read for each request. */
  readonly servesPages: () => boolean;
  readonly web: WebCalls;
  readonly authenticator: Authenticator;
  readonly tokens: TokenAuthority;
  readonly traffic: ThreadTraffic;
  readonly limits: HttpLimits;
  /** Logs a warning once for all threads. */
  readonly warnOnce: (topic: string, message: string) => void;
  /** Logs a host that no registry has. */
  readonly onUnknownHost: ReportHost;
  readonly log: Logger;
}

/** Serves virtual hosts over HTTP: finds the backend by Host header, authenticates the client, and passes the request on. */
export class HttpFrontend {
  readonly #options: HttpFrontendOptions;
  readonly #authenticator: RequestAuthenticator;
  readonly #tokenEndpoint: TokenEndpoint;
  readonly #web: WebEndpoint;
  readonly #proxies: TrustedProxies;
  readonly #hints: ProxyHints;
  readonly #unknownHosts: UnknownHosts;
  readonly #prefix: PathPrefix | undefined;
  readonly #crossOrigin: CrossOrigin | undefined;
  readonly #log: AccessLog | undefined;
  readonly #failed: FailedRequests;
  readonly #listeners: HttpListeners;
  readonly #lists: StreamedBodies;
  readonly #manifests = new SharedBodies(() => this.#unreadResponses);
  /** Requests without a response yet. */
  #handling = 0;

  /** Throws `ListenError`. */
  constructor(options: HttpFrontendOptions) {
    this.#options = options;
    this.#authenticator = new RequestAuthenticator(options.authenticator, options.tokens);
    this.#tokenEndpoint = new TokenEndpoint(this.#authenticator, options.tokens, options.others);
    this.#web = new WebEndpoint({ ...options, requestAuthenticator: this.#authenticator });
    this.#proxies = new TrustedProxies(options.settings.proxies);
    this.#failed = new FailedRequests(options.log, options.others !== undefined);
    this.#lists = new StreamedBodies({ onFailure: (error) => void this.#failed.errorOf(error) });
    this.#hints = new ProxyHints(options.settings.proxies, options.warnOnce);
    this.#unknownHosts = new UnknownHosts(options.onUnknownHost);
    const { accessLog, pathPrefix, crossOrigins } = options.settings;
    this.#prefix = pathPrefix === "" ? undefined : new PathPrefix(pathPrefix);
    this.#crossOrigin = crossOrigins.length === 0 ? undefined : new CrossOrigin(crossOrigins);
    this.#log =
      accessLog && new AccessLog(accessLog, (error) => options.log.error("the access log failed", error));
    this.#listeners = new HttpListeners({
      ...options,
      handle: (scheme) => (request, connection) => this.#handleTraced(request, scheme, connection),
      onError: (error) => errorResponse(this.#failed.errorOf(error)),
      guard: options.guardsConnections
        ? { isProxy: (address) => this.#proxies.includes(address), counts: options.traffic }
        : undefined,
    });
  }

  get addresses(): HttpAddresses {
    return this.#listeners.addresses;
  }

  /** New connections use the new certificates; requests in progress finish on their old connections. */
  async renewCertificates(certificates: readonly Certificate[]): Promise<void> {
    this.#listeners.renewCertificates(certificates);
  }

  /** Stops accepting, and waits up to the stop timeout for requests in progress. */
  async stop(): Promise<void> {
    await this.#listeners.stop();
    this.#log?.close();
  }

  /** Responses that clients have not read to their end. */
  get #unreadResponses(): number {
    return this.#listeners.pending - this.#handling;
  }

  async #handleTraced(request: Request, scheme: Scheme, connection: ClientConnection): Promise<Response> {
    const { traffic } = this.#options;
    const began = performance.now();
    // Read the address first for the access log: the runtime no longer knows it once the client has disconnected.
    const address = this.#log && connection.peer;
    const trace: HttpTrace = {
      route: "other",
      repository: undefined,
      instance: "",
      user: ANONYMOUS,
      upstreamName: undefined,
      received: 0,
      sent: 0,
      remote: () => address ?? connection.peer,
      connection,
    };
    traffic.begin();
    this.#options.onRequest?.();
    this.#handling++;
    const response = await this.#handle(request, scheme, trace);
    this.#handling--;
    const { method } = request;
    const { status, headers } = response;
    const { hstsSeconds } = this.#options.settings;
    if (scheme === "https" && hstsSeconds !== undefined)
      headers.set("Strict-Transport-Security", `max-age=${hstsSeconds}`);
    if (trace.upstreamName !== undefined) keepUpstreamName(headers, trace.upstreamName);
    this.#prefix?.add(headers);
    this.#crossOrigin?.add(request, headers);
    // The runtime has it in every other response (RFC 9110, section 6.6.1).
    if (method === "HEAD") headers.set("Date", new Date().toUTCString());
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

  async #handle(request: Request, scheme: Scheme, trace: HttpTrace): Promise<Response> {
    try {
      const { others } = this.#options;
      const version = others?.version;
      let result = await this.#route(request, scheme, trace);
      if (others && mayBeMore(result, trace) && !request.bodyUsed) {
        // Another node may have changed what the response rests on: users, grants, registries and their hosts.
        await others.refresh();
        if (others.version !== version) result = await this.#route(request, scheme, trace);
      }
      return result instanceof RegistryError ? this.#errorResponse(request, result) : result;
    } catch (error) {
      // The client has disconnected; that is not a server error.
      if (request.signal.aborted) return errorResponse(new RegistryError("uploadInterrupted"));
      return this.#errorResponse(request, this.#failed.errorOf(error));
    }
  }

  /** An error, as the page, the API or the registry that was asked for has it. */
  #errorResponse(request: Request, error: RegistryError): Response {
    const { path } = splitTarget(request.url);
    const isOfPages = this.#options.servesPages();
    return (
      (isOfPages && webErrorResponse(request, this.#prefix?.strip(path) ?? path, error)) ||
      errorResponse(error)
    );
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
    const preflight = this.#crossOrigin?.preflight(request);
    if (preflight) return preflight;
    const sent = request.headers.get("Host");
    // The runtime joins several headers (RFC 9112, section 3.2); a trusted proxy's host does not make up for that.
    if (sent?.includes(",")) return new RegistryError(HTTP_FAULTS.hostRepeated);
    const asked = client?.host ?? sent;
    const host = asked === null ? null : hostWithPort(asked, client?.port);
    const vhost = host === null ? undefined : vhostOf(host);
    if (host === null || vhost === undefined) return new RegistryError(HTTP_FAULTS.hostInvalid);
    const { path: sentPath, query } = splitTarget(request.url);
    const path = this.#prefix?.strip(sentPath) ?? sentPath;
    const base = `${usedScheme}://${host}${this.#options.settings.pathPrefix}`;
    const backend =
      this.#namedBackend(vhost, upstreamNameIn(path, query), trace) ??
      lookUpVhost(this.#options.hosts(), vhost);
    if (!backend) {
      this.#unknownHosts.note(vhost, trace.remote);
      if (this.#options.servesPages() && asksForPage(request, path)) return unknownHostPage(vhost);
      return unknownHostResponse(request, { path, host: vhost, base });
    }
    trace.instance = backend.audience;
    if (!this.#options.isServing()) {
      return new RegistryError("unavailable", { headers: { "Retry-After": UNAVAILABLE_RETRY_SECONDS } });
    }
    const { tlsPort } = this.#listeners;
    if (usedScheme === "http" && tlsPort !== undefined && this.#options.settings.redirectsToTls) {
      return tlsRedirect({ host: vhost, port: tlsPort, path: sentPath }, query);
    }
    const routed = { request, path, query, backend, trace, base, remote: trace.remote };
    if (path === TOKEN_PATH) {
      trace.route = "token";
      return this.#tokenEndpoint.handle(routed);
    }
    if (this.#options.servesPages() && isWebPath(path, request.headers.get("Accept"))) {
      const responseBodies = new RequestBodies(this.#lists, this.#manifests, request, trace.connection);
      return this.#web.handle({
        ...routed,
        sendBlob: (path, principal) => backend.handle({ ...routed, path, principal, limits, responseBodies }),
      });
    }
    const principal = await this.#authenticator.principal(routed, () => backend.challenge(base));
    if (principal instanceof RegistryError) {
      traceRoute(path, trace);
      return principal;
    }
    trace.user = principal.user;
    const responseBodies = new RequestBodies(this.#lists, this.#manifests, request, trace.connection);
    return backend.handle({ ...routed, principal, limits, responseBodies });
  }

  /** The backend that the host has for the upstream which the client names. */
  #namedBackend(vhost: string, name: string | undefined, trace: HttpTrace): HttpBackend | undefined {
    const backend = name === undefined ? undefined : this.#options.namespaces().find(vhost, name);
    if (backend) trace.upstreamName = name;
    return backend;
  }

  /** The client behind a trusted proxy; `undefined` for any other peer. */
  #clientOf(request: Request, peer: () => string): ProxiedClient | undefined {
    const client = this.#proxies.isConfigured ? this.#proxies.clientOf(request, peer()) : undefined;
    if (client) this.#hints.noteTrusted(request, peer());
    else this.#hints.noteUntrusted(request, peer);
    return client;
  }
}

const UNAVAILABLE_RETRY_SECONDS = "30";
