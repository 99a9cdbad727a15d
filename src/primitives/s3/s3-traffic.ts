import { S3_OPERATIONS, type S3Operation } from "./s3-request.ts";

/**
 * What came of a request. `missing`: no such object. `conflict`: another writer was first, or a condition does not hold.
 * `refused`: such as for wrong keys. `throttled`: 429 or 503. `failed`: another 5xx. `unanswered`: no response.
 */
export const S3_OUTCOMES = [
  "ok",
  "missing",
  "conflict",
  "refused",
  "throttled",
  "failed",
  "unanswered",
] as const;
export type S3Outcome = (typeof S3_OUTCOMES)[number];

/** Upper bounds of the buckets of the duration histogram, in seconds; the last bucket has none. */
export const S3_DURATION_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

const BUCKETS = S3_DURATION_BOUNDS.length + 1;
const MICROSECONDS = 1_000_000;

const CELLS = {
  requests: S3_OPERATIONS.length * S3_OUTCOMES.length,
  durations: S3_OPERATIONS.length * BUCKETS,
  microseconds: S3_OPERATIONS.length,
  sent: 1,
  received: 1,
  retries: 1,
  withheldRetries: 1,
  withheldRequests: 1,
};
type Section = keyof typeof CELLS;
const SECTIONS = Object.keys(CELLS) as Section[];

/** The end of one request, which may have been a retry. */
export interface AnsweredRequest {
  readonly operation: S3Operation;
  readonly outcome: S3Outcome;
  /** Until the head of the response. */
  readonly seconds: number;
  /** Bytes of the bodies. */
  readonly sent: number;
  readonly received: number;
}

/** Counts of the requests of all threads to an object store. */
export class S3Traffic {
  readonly #sections: Readonly<Record<Section, BigInt64Array>>;

  static memory(): SharedArrayBuffer {
    const cells = Object.values(CELLS).reduce((sum, count) => sum + count, 0);
    return new SharedArrayBuffer(cells * BigInt64Array.BYTES_PER_ELEMENT);
  }

  constructor(memory = S3Traffic.memory()) {
    let at = 0;
    const sections = SECTIONS.map((section) => {
      const cells = new BigInt64Array(memory, at, CELLS[section]);
      at += cells.byteLength;
      return [section, cells] as const;
    });
    this.#sections = Object.fromEntries(sections) as Record<Section, BigInt64Array>;
  }

  ended({ operation, outcome, seconds, sent, received }: AnsweredRequest): void {
    const row = S3_OPERATIONS.indexOf(operation);
    this.#add("requests", 1, row * S3_OUTCOMES.length + S3_OUTCOMES.indexOf(outcome));
    const bound = S3_DURATION_BOUNDS.findIndex((limit) => seconds <= limit);
    this.#add("durations", 1, row * BUCKETS + (bound < 0 ? BUCKETS - 1 : bound));
    this.#add("microseconds", Math.round(seconds * MICROSECONDS), row);
    if (sent > 0) this.#add("sent", sent);
    if (received > 0) this.#add("received", received);
  }

  retried(): void {
    this.#add("retries", 1);
  }

  /** The budget for retries was used up. */
  retryWithheld(): void {
    this.#add("withheldRetries", 1);
  }

  /** The store was away. */
  requestWithheld(): void {
    this.#add("withheldRequests", 1);
  }

  /** All combinations with at least one request. */
  requests(): { readonly operation: S3Operation; readonly outcome: S3Outcome; readonly count: number }[] {
    return S3_OPERATIONS.flatMap((operation, row) =>
      S3_OUTCOMES.map((outcome, column) => ({
        operation,
        outcome,
        count: this.#read("requests", row * S3_OUTCOMES.length + column),
      })),
    ).filter(({ count }) => count > 0);
  }

  /** One histogram for each operation with at least one request; one bucket more than there are bounds. */
  durations(): {
    readonly operation: S3Operation;
    readonly buckets: readonly number[];
    readonly seconds: number;
  }[] {
    return S3_OPERATIONS.map((operation, row) => ({
      operation,
      buckets: Array.from({ length: BUCKETS }, (_, i) => this.#read("durations", row * BUCKETS + i)),
      seconds: this.#read("microseconds", row) / MICROSECONDS,
    })).filter(({ buckets }) => buckets.some((count) => count > 0));
  }

  /** Bytes of request bodies. */
  get sent(): number {
    return this.#read("sent");
  }

  /** Bytes of response bodies, as their heads announce them. */
  get received(): number {
    return this.#read("received");
  }

  get retries(): number {
    return this.#read("retries");
  }

  get withheldRetries(): number {
    return this.#read("withheldRetries");
  }

  get withheldRequests(): number {
    return this.#read("withheldRequests");
  }

  #add(section: Section, amount: number, cell = 0): void {
    Atomics.add(this.#sections[section], cell, BigInt(amount));
  }

  #read(section: Section, cell = 0): number {
    return Number(Atomics.load(this.#sections[section], cell));
  }
}

export function outcomeOf(status: number): S3Outcome {
  if (status < 400) return "ok";
  if (status === 404) return "missing";
  if (status === 409 || status === 412) return "conflict";
  if (status === 429 || status === 503) return "throttled";
  return status < 500 ? "refused" : "failed";
}
