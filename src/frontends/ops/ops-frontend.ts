import type { Logger } from "../../primitives/logging/logger.ts";
import type { ListenAddress } from "../../primitives/net/listen-address.ts";
import { ListenError } from "../listen-error.ts";
import { formatMetrics } from "./metrics.ts";
import { type MeasuredServices, serverMetrics } from "./server-metrics.ts";

export const OPS_LISTEN_SETTING = "frontend-ops-listen";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What a supervisor and Prometheus ask for, at a listener of its own: `/livez`, `/readyz` and `/metrics`. */
export class OpsFrontend {
  readonly #services: MeasuredServices;
  readonly #server: Bun.Server<undefined>;
  #state: "starting" | "ready" | "stopping" = "starting";

  /** Throws `ListenError`. */
  constructor(listen: ListenAddress, services: MeasuredServices, log: Logger) {
    this.#services = services;
    try {
      this.#server = Bun.serve({
        ...listen,
        // The runtime's page for developers shows source code.
        development: false,
        fetch: (request) => this.#answer(request),
        error: (error) => {
          log.error("a question for health or metrics failed", error);
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

  /** From now on whoever asks is told to send requests: everything else listens by then. */
  ready(): void {
    this.#state = "ready";
  }

  /** From now on whoever asks is told to send requests elsewhere. */
  drain(): void {
    this.#state = "stopping";
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  /** A registry that is out of service keeps nobody from the others; once none is left, this server is of no use. */
  #readiness(): Response {
    if (this.#state !== "ready") return new Response(`${this.#state}\n`, { status: 503 });
    const { instances } = this.#services;
    const names = instances.outages().map(({ config }) => config.name);
    if (names.length === 0) return new Response("ok\n");
    const isOfUse = names.length < instances.list().length;
    const out = names.map((name) => `the registry '${name}' is out of service; the log tells why\n`);
    return new Response([isOfUse ? "ok\n" : "", ...out].join(""), { status: isOfUse ? 200 : 503 });
  }

  #answer({ method, url }: Request): Response {
    if (method !== "GET" && method !== "HEAD") return new Response("use GET\n", { status: 405 });
    // The runtime takes what stands in the Host header into the URL, whatever it is.
    const target = URL.parse(url);
    if (!target) return new Response("the Host header is no host name\n", { status: 400 });
    switch (target.pathname) {
      case "/livez":
        return new Response("ok\n");
      case "/readyz":
        return this.#readiness();
      case "/metrics":
        return new Response(formatMetrics(serverMetrics(this.#services)), {
          headers: { "Content-Type": METRICS_TYPE },
        });
      default:
        return new Response("there are /livez, /readyz and /metrics\n", { status: 404 });
    }
  }
}
