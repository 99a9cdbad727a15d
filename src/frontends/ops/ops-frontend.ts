import type { InstanceRegistry } from "../../backends/oci-http/instance-registry.ts";
import type { JobRunner } from "../../primitives/jobs/job-runner.ts";
import type { ListenAddress } from "../../primitives/listen-address.ts";
import type { UserRegistry } from "../../primitives/users/user-registry.ts";
import type { RequestCounters } from "../http/request-counters.ts";
import { ListenError } from "../listen-error.ts";
import { formatMetrics, type Metric } from "./metrics.ts";

export const OPS_LISTEN_SETTING = "frontend-ops-listen";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface OpsServices {
  readonly instances: InstanceRegistry;
  readonly users: UserRegistry;
  readonly jobs: JobRunner;
  readonly requests: RequestCounters;
  /** Of this program. */
  readonly version: Readonly<Record<string, string>>;
}

/** What a supervisor and Prometheus ask for, at a listener of its own: `/livez`, `/readyz` and `/metrics`. */
export class OpsFrontend {
  readonly #services: OpsServices;
  readonly #started = Date.now() / 1000;
  readonly #server: Bun.Server<undefined>;
  #isReady = true;

  /** Throws `ListenError`. */
  constructor(listen: ListenAddress, services: OpsServices) {
    this.#services = services;
    try {
      this.#server = Bun.serve({ ...listen, fetch: (request) => this.#answer(request) });
    } catch (error) {
      throw new ListenError("health and metrics", listen, OPS_LISTEN_SETTING, error);
    }
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  /** From now on whoever asks is told to send requests elsewhere. */
  drain(): void {
    this.#isReady = false;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  #answer({ method, url }: Request): Response {
    if (method !== "GET" && method !== "HEAD") return new Response("use GET\n", { status: 405 });
    switch (new URL(url).pathname) {
      case "/livez":
        return new Response("ok\n");
      case "/readyz":
        return this.#isReady ? new Response("ok\n") : new Response("stopping\n", { status: 503 });
      case "/metrics":
        return new Response(formatMetrics(this.#metrics()), { headers: { "Content-Type": METRICS_TYPE } });
      default:
        return new Response("there are /livez, /readyz and /metrics\n", { status: 404 });
    }
  }

  #metrics(): Metric[] {
    const { instances, users, jobs, requests, version } = this.#services;
    const stores = instances
      .stores()
      .map(({ location, index }) => ({ store: location.store, ...index.counts() }));
    const ofStores = (what: "repositories" | "tags" | "manifests"): Metric => ({
      name: `everlock_store_${what}`,
      help: `The ${what} of each store.`,
      type: "gauge",
      samples: stores.map((store) => ({ labels: { store: store.store }, value: store[what] })),
    });
    return [
      {
        name: "everlock_build_info",
        help: "The version that runs.",
        type: "gauge",
        samples: [{ labels: version, value: 1 }],
      },
      {
        name: "process_start_time_seconds",
        help: "When it was started, in seconds since the epoch.",
        type: "gauge",
        samples: [{ value: this.#started }],
      },
      {
        name: "process_resident_memory_bytes",
        help: "Resident memory.",
        type: "gauge",
        samples: [{ value: process.memoryUsage.rss() }],
      },
      {
        name: "everlock_http_requests_total",
        help: "Requests to registries by method and status of the answer.",
        type: "counter",
        samples: requests.list().map(({ method, status, count }) => ({
          labels: { method, status: String(status) },
          value: count,
        })),
      },
      {
        name: "everlock_registries",
        help: "Registries that are served.",
        type: "gauge",
        samples: [{ value: instances.list().length }],
      },
      {
        name: "everlock_users",
        help: "Users, with anon.",
        type: "gauge",
        samples: [{ value: users.directory.list().length }],
      },
      ofStores("repositories"),
      ofStores("tags"),
      ofStores("manifests"),
      {
        name: "everlock_job_running",
        help: "Whether a background job runs.",
        type: "gauge",
        samples: jobs.list().map(({ name, running }) => ({ labels: { job: name }, value: running ? 1 : 0 })),
      },
    ];
  }
}
