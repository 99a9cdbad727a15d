import type { TrafficTotals } from "../../../backends/admin-ssh/commands/command.ts";
import { TRACED_ROUTES, type TracedRoute } from "../../../registry/requests/trace.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"] as const;
const STATUSES = [
  200, 201, 202, 204, 206, 304, 308, 400, 401, 403, 404, 405, 409, 413, 414, 416, 429, 500, 503,
] as const;
/** Upper bounds of the classes that answers fall into by how long they took, in seconds; a last class has none. */
export const DURATION_BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

const CELLS = {
  requests: TRACED_ROUTES.length * METHODS.length * (STATUSES.length + 1),
  durations: TRACED_ROUTES.length * (DURATION_BOUNDS.length + 1),
  seconds: TRACED_ROUTES.length,
  received: 1,
  sent: 1,
  underWay: 1,
  connections: 1,
  closedConnections: 1,
};
type Section = keyof typeof CELLS;
const SECTIONS = Object.keys(CELLS) as Section[];
const SLOT_CELLS = Object.values(CELLS).reduce((sum, cells) => sum + cells, 0);

/** An answered request. */
export interface AnsweredRequest {
  readonly method: string;
  readonly route: TracedRoute;
  readonly status: number;
  /** From its head to its answer; a body that the system sends goes on after that. */
  readonly seconds: number;
  readonly received: number;
  readonly sent: number;
}

/** Memory for what `threads` threads count. */
function trafficMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * SLOT_CELLS * Float64Array.BYTES_PER_ELEMENT);
}

/** Counts of one thread, in a part of the shared memory that it alone writes to. */
export class ThreadTraffic {
  readonly #sections: Readonly<Record<Section, Float64Array>>;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#sections = sectionsOf(memory, thread);
    // A thread that ended had requests under way that nobody answers any more.
    this.#sections.underWay.fill(0);
    this.#sections.connections.fill(0);
  }

  /** Of all threads, as one of them has counted. */
  connectionsOpen(count: number): void {
    this.#sections.connections[0] = count;
  }

  /** Because they were too many. */
  connectionsClosed(count: number): void {
    add(this.#sections.closedConnections, 0, count);
  }

  begin(): void {
    add(this.#sections.underWay, 0, 1);
  }

  end({ method, route, status, seconds, received, sent }: AnsweredRequest): void {
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
    add(this.#sections.underWay, 0, -1);
  }
}

/** How long the answers of one route took. */
export interface Durations {
  readonly route: TracedRoute;
  readonly count: number;
  /** Their sum. */
  readonly seconds: number;
  /** Answers by class, one more than there are bounds. */
  readonly classes: readonly number[];
}

/** What all threads have counted together. */
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

  /** Threads that ended, by a failure or because they did not answer, and were replaced. */
  get replacedThreads(): number {
    return this.#replaced;
  }

  /** Every kind of request that was answered at least once; a status that is none of ours is 0. */
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

  /** Of every route that was asked for. */
  durations(): Durations[] {
    return TRACED_ROUTES.map((route, row): Durations => {
      const classes = Array.from({ length: DURATION_BOUNDS.length + 1 }, (_, i) =>
        this.#sum("durations", row * (DURATION_BOUNDS.length + 1) + i),
      );
      const count = classes.reduce((sum, some) => sum + some, 0);
      return { route, count, seconds: this.#sum("seconds", row), classes };
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
      underWay: this.underWay,
    };
  }

  /** Bytes of bodies in requests. */
  get received(): number {
    return this.#sum("received", 0);
  }

  /** Bytes of bodies in answers. */
  get sent(): number {
    return this.#sum("sent", 0);
  }

  /** Requests that are being answered now. */
  get underWay(): number {
    return this.#sum("underWay", 0);
  }

  /** Connections that are open, as of about a second ago. */
  get connections(): number {
    return this.#sum("connections", 0);
  }

  /** Connections that were closed because they were too many. */
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
