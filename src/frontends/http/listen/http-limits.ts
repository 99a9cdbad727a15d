import { SharedBudget } from "../../../primitives/bounds/shared-budget.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import { networkOf } from "../../../primitives/net/client-network.ts";
import type { Release } from "../../../primitives/release.ts";
import type { Limits } from "../../../registry/requests/limits.ts";

/** Limits that apply to each client or to all together. Plain data; `undefined` is no limit. */
export interface LimitSettings {
  /** For each client address. */
  readonly requestsPerSecond: number | undefined;
  /** Upload bodies received at the same time. */
  readonly uploads: number | undefined;
  readonly manifestBytes: number;
  readonly blobBytes: number | undefined;
}

/** Maximal number of HTTP threads; each has its own slot in shared memory. */
export const MAX_THREADS = 256;
/** Each address has a slot by each of two hashes, and its count is the smaller one: two addresses rarely share both slots. */
const RATE_ROWS = 2;
const RATE_SLOTS = 65_536;
/** Resolution of the shared clock, which wraps around after hours. */
const TICKS_PER_MS = 64;
/** An address may save up unused requests of this time for a burst. */
const BURST_MS = 1000;
/** An upper bound on the difference between the clocks of two threads. */
const SKEW_MS = 1000;

/** Shared memory for the counts of all threads. */
export function limitsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((MAX_THREADS + RATE_ROWS * RATE_SLOTS) * Int32Array.BYTES_PER_ELEMENT);
}

export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** Maximal bytes of manifests that one thread reads and stores at the same time. */
const MANIFEST_BUDGET = 64 * 1024 * 1024;

/** Counts requests and uploads against their limits, across all threads that use the same memory. */
export class HttpLimits implements Limits {
  readonly manifestBudget = new SharedBudget(MANIFEST_BUDGET);
  readonly #settings: LimitSettings;
  readonly #thread: number;
  readonly #uploads: Int32Array;
  /** For each slot, when its next request is due at the permitted rate (generic cell rate algorithm). */
  readonly #due: Int32Array;
  readonly #seed: number;
  readonly #now: MonotonicClock;

  /**
   * `seed` is the same on all threads and secret, so that a client can't pick an address that shares another's slots. The
   * clocks `now` of all threads agree within `SKEW_MS`.
   */
  constructor(
    settings: LimitSettings,
    memory: SharedArrayBuffer,
    thread: number,
    seed: number,
    now: MonotonicClock = monotonicMs,
  ) {
    this.#now = now;
    this.#settings = settings;
    this.#thread = thread;
    this.#seed = seed;
    this.#uploads = new Int32Array(memory, 0, MAX_THREADS);
    this.#due = new Int32Array(memory, MAX_THREADS * Int32Array.BYTES_PER_ELEMENT);
    // The thread that had this slot before has ended, and its uploads with it.
    Atomics.store(this.#uploads, thread, 0);
  }

  get manifestBytes(): number {
    return this.#settings.manifestBytes;
  }

  get blobBytes(): number | undefined {
    return this.#settings.blobBytes;
  }

  get limitsRequests(): boolean {
    return this.#settings.requestsPerSecond !== undefined;
  }

  /** Counts a request; false if the address is over its rate. A /64 of IPv6 is one address. `now` is in milliseconds. */
  admitRequest(address: string, now = this.#now()): boolean {
    const { requestsPerSecond } = this.#settings;
    if (requestsPerSecond === undefined) return true;
    const network = networkOf(address);
    const ticks = Math.floor(now * TICKS_PER_MS) | 0;
    const cost = Math.max(1, Math.round((1000 * TICKS_PER_MS) / requestsPerSecond));
    let isAdmitted = false;
    for (let row = 0; row < RATE_ROWS; row++) {
      const hash = Bun.hash.xxHash32(network, this.#seed + row);
      if (this.#admit(row * RATE_SLOTS + (hash % RATE_SLOTS), ticks, cost)) isAdmitted = true;
    }
    return isAdmitted;
  }

  /** Counts an upload until the release; `undefined` if too many are in progress. */
  beginUpload(): Release | undefined {
    const { uploads } = this.#settings;
    Atomics.add(this.#uploads, this.#thread, 1);
    const release = () => void Atomics.sub(this.#uploads, this.#thread, 1);
    const isAdmitted =
      uploads === undefined || this.#uploads.reduce((sum, count) => sum + count, 0) <= uploads;
    if (isAdmitted) return release;
    release();
    return undefined;
  }

  #admit(slot: number, now: number, cost: number): boolean {
    for (;;) {
      const due = Atomics.load(this.#due, slot);
      // The difference is right even when the clock wraps around between the two.
      const ahead = (due - now) | 0;
      const burst = BURST_MS * TICKS_PER_MS;
      // A larger lead is impossible, so the value is from before the clock wrapped around.
      const isPast = ahead < 0 || ahead > burst + SKEW_MS * TICKS_PER_MS;
      if (!isPast && ahead > burst - cost) return false;
      const next = ((isPast ? now : due) + cost) | 0;
      if (Atomics.compareExchange(this.#due, slot, due, next) === due) return true;
    }
  }
}
