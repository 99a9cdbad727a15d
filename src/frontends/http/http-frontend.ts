import type { IncomingRequest } from "../../backends/oci-http/instance.ts";
import type { ListenAddress } from "../../primitives/listen-address.ts";
import type { Logger } from "../../primitives/logger.ts";
import type { Authenticator } from "../../primitives/users/authenticator.ts";
import { ANONYMOUS, type UserName } from "../../primitives/users/user.ts";
import { vhostOf } from "../../primitives/vhost.ts";
import { errorResponse, RegistryError } from "../../registry/errors.ts";
import { ListenError } from "../listen-error.ts";
import { parseBasicCredentials } from "./basic-credentials.ts";

/** A service that is reached by host name. */
export interface HttpBackend {
  handle(incoming: IncomingRequest): Promise<Response>;
}

export interface HttpFrontendOptions {
  readonly listen: ListenAddress;
  /** The service at each virtual host; asked for each request, so that it may change while serving. */
  readonly hosts: () => ReadonlyMap<string, HttpBackend>;
  readonly authenticator: Authenticator;
  readonly log: Logger;
}

/** Seconds that a connection may stay silent: the runtime's longest, for slow clients in the middle of a layer. */
const IDLE_TIMEOUT_SECONDS = 255;
const CHALLENGE = 'Basic realm="Everlock", charset="UTF-8"';
/** How long a stop waits for requests under way before it closes their connections. */
const DRAIN_MS = 10_000;

/** Serves virtual hosts over HTTP: finds the backend by Host, finds out who is asking, and hands on. */
export class HttpFrontend {
  readonly #options: HttpFrontendOptions;
  readonly #server: Bun.Server<undefined>;

  /** Throws `ListenError`. */
  constructor(options: HttpFrontendOptions) {
    this.#options = options;
    try {
      this.#server = this.#listen(options.listen);
    } catch (error) {
      throw new ListenError("HTTP", options.listen, "frontend-http-listen-http", error);
    }
  }

  #listen({ hostname, port }: ListenAddress): Bun.Server<undefined> {
    return Bun.serve({
      hostname,
      port,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      // The bounds are the handlers': a manifest has one, a layer may be of any size.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: (request, server) => this.#answer(request, server.requestIP(request)?.address ?? "unknown"),
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

  async #answer(request: Request, remote: string): Promise<Response> {
    try {
      const result = await this.#route(request, remote);
      return result instanceof RegistryError ? errorResponse(result) : result;
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #route(request: Request, remote: string): Promise<Response | RegistryError> {
    const host = request.headers.get("Host");
    const vhost = vhostOf(host);
    const backend = vhost === undefined ? undefined : this.#options.hosts().get(vhost);
    if (!backend)
      return new RegistryError("hostUnknown", {
        message: `no registry is served at the host '${vhost ?? host}'`,
      });
    const user = await this.#authenticate(request, remote);
    if (user instanceof RegistryError) return user;
    const target = splitTarget(request.url);
    return backend.handle({ request, ...target, user, remote, challenge: CHALLENGE });
  }

  async #authenticate(request: Request, remote: string): Promise<UserName | RegistryError> {
    const header = request.headers.get("Authorization");
    if (header === null) return ANONYMOUS;
    const credentials = parseBasicCredentials(header);
    const unauthorized = (message: string) =>
      new RegistryError("unauthorized", { message, headers: { "WWW-Authenticate": CHALLENGE } });
    if (!credentials) return unauthorized("the Authorization header holds no Basic credentials");
    // podman and skopeo without a login answer a Basic challenge with an empty name and password.
    if (credentials.login === "" && credentials.password === "") return ANONYMOUS;
    const result = await this.#options.authenticator.login(credentials.login, credentials.password, remote);
    switch (result.kind) {
      case "accepted":
        return result.user.name;
      case "refused":
        return unauthorized("wrong user name or password");
      case "limited":
        return new RegistryError("tooManyRequests", {
          message: `too many failed logins; try again in ${result.retryAfterSeconds} seconds`,
          headers: { "Retry-After": String(result.retryAfterSeconds) },
        });
    }
  }

  #failed(error: unknown): Response {
    this.#options.log.error("a request failed", error);
    return errorResponse(new RegistryError("internal"));
  }
}

/** The path (still percent-encoded) and the query of an absolute URL, without trusting it to be one. */
function splitTarget(url: string): { path: string; query: URLSearchParams } {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const target = start < 0 ? "/" : url.slice(start);
  const mark = target.indexOf("?");
  return mark < 0
    ? { path: target, query: new URLSearchParams() }
    : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
