import type { BackendSwitch } from "../../backends/backend-switch.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import type { ListenAddress } from "../../primitives/net/listen-address.ts";
import { ListenError } from "../listen-error.ts";
import { formatMetrics } from "./metrics.ts";
import { RepositoryMetrics } from "./repository-metrics.ts";
import { type MeasuredServices, serverMetrics } from "./server-metrics.ts";

export const OPS_LISTEN_SETTING = "frontend-ops-listen";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface OpsServices extends MeasuredServices {
  readonly backends: Pick<BackendSwitch, "stateOf">;
  /** `undefined` where the storage is this machine's. */
  readonly others?: { readonly away: string | undefined } | undefined;
}

/** Serves `/livez`, `/readyz` and `/metrics` on a listener of its own, for supervisors and Prometheus. */
export class OpsFrontend {
  readonly #services: OpsServices;
  readonly #server: Bun.Server<undefined>;
  readonly #repositories: RepositoryMetrics;
  #state: "starting" | "ready" | "stopping" = "starting";

  /** Throws `ListenError`. */
  constructor(listen: ListenAddress, services: OpsServices, log: Logger) {
    this.#services = services;
    this.#repositories = new RepositoryMetrics(services.instances, log);
    try {
      this.#server = Bun.serve({
        ...listen,
        // The runtime's development error page shows source code.
        development: false,
        fetch: (request) => this.#handle(request),
        error: (error) => {
          log.error("a request for health or metrics failed", error);
          return new Response("internal error\n", { status: 500 });
        },
      });
    } catch (error) {
      throw new ListenError("health and metrics", listen, OPS_LISTEN_SETTING, error);
    }
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  /** Makes `/readyz` return 200: all other parts of the server listen now. */
  ready(): void {
    this.#state = "ready";
  }

  /** Makes `/readyz` return 503, so that load balancers send requests elsewhere. */
  drain(): void {
    this.#state = "stopping";
  }

  async stop(): Promise<void> {
    await Promise.all([this.#server.stop(true), this.#repositories.stop()]);
  }

  /** The server is ready while the registries are enabled and at least one of them is in service. */
  #readiness(): Response {
    if (this.#state !== "ready") return new Response(`${this.#state}\n`, { status: 503 });
    const { instances, backends, others } = this.#services;
    if (backends.stateOf("oci-http") === "disabled")
      return new Response("the registries are disabled; '/backends enable oci-http' enables them\n", {
        status: 503,
      });
    if (others?.away !== undefined)
      return new Response(`the storage can't be used for now: ${others.away}\n`, { status: 503 });
    const names = instances.outages().map(({ config }) => config.name);
    if (names.length === 0) return new Response("ok\n");
    const isReady = names.length < instances.list().length;
    const outages = names.map((name) => `the registry '${name}' is out of service; see the log\n`);
    return new Response([isReady ? "ok\n" : "", ...outages].join(""), { status: isReady ? 200 : 503 });
  }

  async #metrics(): Promise<string> {
    return formatMetrics([...(await serverMetrics(this.#services)), ...this.#repositories.latest()]);
  }

  async #handle({ method, url }: Request): Promise<Response> {
    if (method !== "GET" && method !== "HEAD") return new Response("use GET\n", { status: 405 });
    // The runtime builds the URL from the Host header without checking it.
    const target = URL.parse(url);
    if (!target) return new Response("the Host header is not a valid host name\n", { status: 400 });
    switch (target.pathname) {
      case "/livez":
        return new Response("ok\n");
      case "/readyz":
        return this.#readiness();
      case "/metrics":
        return new Response(await this.#metrics(), { headers: { "Content-Type": METRICS_TYPE } });
      default:
        return new Response("not found; try /livez, /readyz or /metrics\n", { status: 404 });
    }
  }
}
