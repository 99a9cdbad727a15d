const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"] as const;
const OTHER = METHODS.length - 1;
const STATUSES = 500;
const FIRST_STATUS = 100;

/** How many requests were answered with which status, in memory that the threads share. */
export class RequestCounters {
  readonly memory: SharedArrayBuffer;
  readonly #counts: BigUint64Array;

  /** With the memory of another thread's they are the same. */
  constructor(memory?: SharedArrayBuffer) {
    this.memory =
      memory ?? new SharedArrayBuffer(METHODS.length * STATUSES * BigUint64Array.BYTES_PER_ELEMENT);
    this.#counts = new BigUint64Array(this.memory);
  }

  count(method: string, status: number): void {
    const known = METHODS.indexOf(method as (typeof METHODS)[number]);
    const row = known < 0 ? OTHER : known;
    Atomics.add(this.#counts, row * STATUSES + (status - FIRST_STATUS), 1n);
  }

  /** What has been counted at least once. */
  list(): { readonly method: string; readonly status: number; readonly count: bigint }[] {
    return METHODS.flatMap((method, row) =>
      Array.from({ length: STATUSES }, (_, i) => ({
        method,
        status: FIRST_STATUS + i,
        count: Atomics.load(this.#counts, row * STATUSES + i),
      })).filter(({ count }) => count > 0n),
    );
  }
}
