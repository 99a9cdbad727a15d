import type { TrafficTotals } from "../../../backends/administration/status.ts";
import { TRACED_ROUTES, type TracedRoute } from "../../../registry/requests/trace.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"] as const;
const STATUSES = [
  200, 201, 202, 204, 206, 304, 308, 400, 401, 403, 404, 405, 409, 412, 413, 414, 416, 429, 500, 503, 507,
] as const;
/** Upper bounds of the buckets of the duration histogram, in seconds; the last bucket has none. */
export const DURATION_BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

const CELLS = {
  requests: TRACED_ROUTES.length * METHODS.length * (STATUSES.length + 1),
  durations: TRACED_ROUTES.length * (DURATION_BOUNDS.length + 1),
  seconds: TRACED_ROUTES.length,
  received: 1,
  sent: 1,
  inFlight: 1,
  connections: 1,
  closedConnections: 1,
};
type Section = keyof typeof CELLS;
const SECTIONS = Object.keys(CELLS) as Section[];
const SLOT_CELLS = Object.values(CELLS).reduce((sum, cells) => sum + cells, 0);

/** A completed request. */
export interface CompletedRequest {
  readonly method: string;
  readonly route: TracedRoute;
  readonly status: number;
  /** From the request head to the response head; the kernel may send the body after that. */
  readonly seconds: number;
  readonly received: number;
  readonly sent: number;
}

/** Shared memory for the counts of all threads. */
function trafficMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * SLOT_CELLS * Float64Array.BYTES_PER_ELEMENT);
}

/** The counts of one thread, in a part of the shared memory that only it writes. */
export class ThreadTraffic {
  readonly #sections: Readonly<Record<Section, Float64Array>>;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#sections = sectionsOf(memory, thread);
    // The thread that had this slot before has ended, and its requests with it.
    this.#sections.inFlight.fill(0);
    this.#sections.connections.fill(0);
  }

  /** `count` covers all threads; the thread with the connection guard reports it. */
  connectionsOpen(count: number): void {
    this.#sections.connections[0] = count;
  }

  /** Counts connections closed by the connection guard. */
  connectionsClosed(count: number): void {
    add(this.#sections.closedConnections, 0, count);
  }

  begin(): void {
    add(this.#sections.inFlight, 0, 1);
  }

  end({ method, route, status, seconds, received, sent }: CompletedRequest): void {
    const { requests, durations, seconds: sums } = this.#sections;
    const row = TRACED_ROUTES.indexOf(route);
    const column = indexOrLast(METHODS, method as (typeof METHODS)[number], METHODS.length - 1);
    const place = indexOrLast(STATUSES, status as (typeof STATUSES)[number], STATUSES.length);
    add(requests, (row * METHODS.length + column) * (STATUSES.length + 1) + place, 1);
    const bound = DURATION_BOUNDS.findIndex((limit) => seconds <= limit);
    const bucket = bound < 0 ? DURATION_BOUNDS.length : bound;
    add(durations, row * (DURATION_BOUNDS.length + 1) + bucket, 1);
    add(sums, row, seconds);
    add(this.#sections.received, 0, received);
    add(this.#sections.sent, 0, sent);
    add(this.#sections.inFlight, 0, -1);
  }
}

/** The duration histogram of one route. */
export interface Durations {
  readonly route: TracedRoute;
  readonly count: number;
  /** The sum of all durations. */
  readonly seconds: number;
  /** Requests in each bucket, one more than there are bounds. */
  readonly buckets: readonly number[];
}

/** The counts of all threads together. */
export class HttpTraffic {
  readonly memory: SharedArrayBuffer;
  readonly #threads: readonly Readonly<Record<Section, Float64Array>>[];
  #replaced = 0;

  constructor(threads: number) {
    this.memory = trafficMemory(threads);
    this.#threads = Array.from({ length: threads }, (_, thread) => sectionsOf(this.memory, thread));
  }

  threadReplaced(): void {
    this.#replaced++;
  }

  /** Threads that were replaced because they failed or hung. */
  get replacedThreads(): number {
    return this.#replaced;
  }

  /** All combinations with at least one request; status 0 stands for any status outside `STATUSES`. */
  requests(): {
    readonly route: TracedRoute;
    readonly method: string;
    readonly status: number;
    readonly count: number;
  }[] {
    return TRACED_ROUTES.flatMap((route, row) =>
      METHODS.flatMap((method, column) =>
        [...STATUSES, 0].map((status, place) => ({
          route,
          method,
          status,
          count: this.#sum("requests", (row * METHODS.length + column) * (STATUSES.length + 1) + place),
        })),
      ),
    ).filter(({ count }) => count > 0);
  }

  /** One histogram for each route with at least one request. */
  durations(): Durations[] {
    return TRACED_ROUTES.map((route, row): Durations => {
      const buckets = Array.from({ length: DURATION_BOUNDS.length + 1 }, (_, i) =>
        this.#sum("durations", row * (DURATION_BOUNDS.length + 1) + i),
      );
      const count = buckets.reduce((sum, some) => sum + some, 0);
      return { route, count, seconds: this.#sum("seconds", row), buckets };
    }).filter(({ count }) => count > 0);
  }

  totals(): TrafficTotals {
    const requests = this.requests();
    const countOf = (from: number, to: number) =>
      requests.reduce((sum, { status, count }) => sum + (status >= from && status <= to ? count : 0), 0);
    return {
      requests: countOf(0, 599),
      clientErrors: countOf(400, 499),
      serverErrors: countOf(500, 599),
      received: this.received,
      sent: this.sent,
      underWay: this.inFlight,
    };
  }

  /** Bytes of request bodies. */
  get received(): number {
    return this.#sum("received", 0);
  }

  /** Bytes of response bodies. */
  get sent(): number {
    return this.#sum("sent", 0);
  }

  /** Requests in progress. */
  get inFlight(): number {
    return this.#sum("inFlight", 0);
  }

  /** Open connections, as of about a second ago. */
  get connections(): number {
    return this.#sum("connections", 0);
  }

  /** Connections closed by the connection guard. */
  get closedConnections(): number {
    return this.#sum("closedConnections", 0);
  }

  #sum(section: Section, cell: number): number {
    return this.#threads.reduce((sum, sections) => sum + (sections[section][cell] ?? 0), 0);
  }
}

function sectionsOf(memory: SharedArrayBuffer, thread: number): Readonly<Record<Section, Float64Array>> {
  let at = thread * SLOT_CELLS;
  const sections = SECTIONS.map((section) => {
    const cells = new Float64Array(memory, at * Float64Array.BYTES_PER_ELEMENT, CELLS[section]);
    at += CELLS[section];
    return [section, cells] as const;
  });
  return Object.fromEntries(sections) as Record<Section, Float64Array>;
}

function add(cells: Float64Array, cell: number, amount: number): void {
  cells[cell] = (cells[cell] ?? 0) + amount;
}

function indexOrLast<T>(known: readonly T[], value: T, last: number): number {
  const index = known.indexOf(value);
  return index < 0 ? last : index;
}
