import { TOKEN_PATH } from "../../backends/oci-http/challenge.ts";
import type { ListenAddress } from "../../primitives/listen-address.ts";
import type { Logger } from "../../primitives/logger.ts";
import type { Authenticator } from "../../primitives/users/authenticator.ts";
import type { TokenAuthority } from "../../primitives/users/token-authority.ts";
import { lookUpVhost, vhostOf } from "../../primitives/vhost.ts";
import { errorResponse, RegistryError } from "../../registry/errors.ts";
import { ListenError } from "../listen-error.ts";
import type { HttpBackend } from "./http-backend.ts";
import { RequestAuthenticator } from "./request-authenticator.ts";
import type { RequestCounters } from "./request-counters.ts";
import { TokenEndpoint } from "./token-endpoint.ts";

export interface HttpFrontendOptions {
  readonly listen: ListenAddress;
  /** Whether other threads listen on the same port; the system spreads the connections over them. */
  readonly isShared: boolean;
  /** Something to wait for before a request is looked at, so that it sees every change made before. */
  readonly upToDate?: () => Promise<void> | undefined;
  /** The service at each virtual host; asked for each request, so that it may change while serving. */
  readonly hosts: () => ReadonlyMap<string, HttpBackend>;
  readonly authenticator: Authenticator;
  readonly tokens: TokenAuthority;
  readonly requests: RequestCounters;
  readonly log: Logger;
}

export const LISTEN_SETTING = "frontend-http-listen-http";

/** Seconds that a connection may stay silent: the runtime's longest, for slow clients in the middle of a layer. */
const IDLE_TIMEOUT_SECONDS = 255;
/** How long a stop waits for requests under way before it closes their connections. */
const DRAIN_MS = 10_000;

/** Serves virtual hosts over HTTP: finds the backend by Host, finds out who is asking, and hands on. */
export class HttpFrontend {
  readonly #options: HttpFrontendOptions;
  readonly #authenticator: RequestAuthenticator;
  readonly #tokenEndpoint: TokenEndpoint;
  readonly #server: Bun.Server<undefined>;

  /** Throws `ListenError`. */
  constructor(options: HttpFrontendOptions) {
    this.#options = options;
    this.#authenticator = new RequestAuthenticator(options.authenticator, options.tokens);
    this.#tokenEndpoint = new TokenEndpoint(this.#authenticator, options.tokens);
    try {
      this.#server = this.#listen(options.listen);
    } catch (error) {
      throw new ListenError("HTTP", options.listen, LISTEN_SETTING, error);
    }
  }

  #listen({ hostname, port }: ListenAddress): Bun.Server<undefined> {
    return Bun.serve({
      hostname,
      port,
      reusePort: this.#options.isShared,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      // The bounds are the handlers': a manifest has one, a layer may be of any size.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: async (request, server) => {
        const response = await this.#answer(request, () => server.requestIP(request)?.address ?? "unknown");
        this.#options.requests.count(request.method, response.status);
        return response;
      },
      error: (error) => this.#failed(error),
    });
  }

  get address(): ListenAddress {
    return { hostname: this.#options.listen.hostname, port: this.#server.port ?? this.#options.listen.port };
  }

  /** Lets requests under way finish, for a while, and takes no new ones. */
  async stop(): Promise<void> {
    await Promise.race([this.#server.stop(false), Bun.sleep(DRAIN_MS)]);
    await this.#server.stop(true);
  }

  async #answer(request: Request, remote: () => string): Promise<Response> {
    try {
      const result = await this.#route(request, remote);
      return result instanceof RegistryError ? errorResponse(result) : result;
    } catch (error) {
      // Nobody is left to be answered, and a client that goes away is no failure of ours.
      if (request.signal.aborted) return errorResponse(new RegistryError("uploadInterrupted"));
      return this.#failed(error);
    }
  }

  async #route(request: Request, remote: () => string): Promise<Response | RegistryError> {
    const refreshing = this.#options.upToDate?.();
    if (refreshing !== undefined) await refreshing;
    const host = request.headers.get("Host");
    const vhost = host === null ? undefined : vhostOf(host);
    const backend = vhost === undefined ? undefined : lookUpVhost(this.#options.hosts(), vhost);
    if (!backend || !host) {
      const message = `no registry is served at the host '${vhost ?? host}'`;
      return new RegistryError("hostUnknown", { message });
    }
    const routed = { request, ...splitTarget(request.url), backend, origin: `http://${host}`, remote };
    if (routed.path === TOKEN_PATH) return this.#tokenEndpoint.answer(routed);
    const principal = await this.#authenticator.principal(routed, () => backend.challenge(routed.origin));
    return principal instanceof RegistryError ? principal : backend.handle({ ...routed, principal });
  }

  #failed(error: unknown): Response {
    this.#options.log.error("a request failed", error);
    return errorResponse(new RegistryError("internal"));
  }
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
