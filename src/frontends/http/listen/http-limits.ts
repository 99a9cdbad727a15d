import { SharedBudget } from "../../../primitives/bounds/shared-budget.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import { networkOf } from "../../../primitives/net/client-network.ts";
import type { Limits } from "../../../registry/requests/limits.ts";

/** Limits on what clients may do, for all of them alike. Plain data; `undefined` is no limit. */
export interface LimitSettings {
  readonly requestsPerSecond: number | undefined;
  /** Uploads whose bodies come in at the same time. */
  readonly uploads: number | undefined;
  readonly manifestBytes: number;
  readonly blobBytes: number | undefined;
}

/** Threads that can serve HTTP; each has a place of its own in what they share. */
export const MAX_THREADS = 256;
/** Addresses that share a slot by one hash hardly do so by the other, and count as what is less. */
const RATE_ROWS = 2;
const RATE_SLOTS = 65_536;
/** Time is counted in these parts of a millisecond, and wraps around after hours. */
const TICKS_PER_MS = 64;
/** What an address did not use adds up to so much. */
const BURST_MS = 1000;
/** More than the clocks of two threads differ by. */
const SKEW_MS = 1000;

/** Memory that all threads count in. */
export function limitsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((MAX_THREADS + RATE_ROWS * RATE_SLOTS) * Int32Array.BYTES_PER_ELEMENT);
}

export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** Bytes of manifests that may be on their way in and to the disk, for each thread. */
const MANIFEST_BUDGET = 64 * 1024 * 1024;

/** Counts requests and uploads against their limits; all threads together, if they have the same memory. */
export class HttpLimits implements Limits {
  readonly manifestBudget = new SharedBudget(MANIFEST_BUDGET);
  readonly #settings: LimitSettings;
  readonly #thread: number;
  readonly #uploads: Int32Array;
  /** When the next request of an address would be in its time, if all had come at the permitted rate. */
  readonly #due: Int32Array;
  readonly #seed: number;
  readonly #now: MonotonicClock;

  /** `seed` is the same for all threads and unknown to clients, so that they can't choose whom they share a slot with; `now` is in step. */
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
    // A thread that ended takes its uploads with it.
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

  /** Counts a request; false if the address has made too many. A /64 of IPv6 is one address. `now` in milliseconds. */
  admitRequest(address: string, now = this.#now()): boolean {
    const { requestsPerSecond } = this.#settings;
    if (requestsPerSecond === undefined) return true;
    const network = networkOf(address);
    const ticks = Math.floor(now * TICKS_PER_MS) | 0;
    const cost = Math.max(1, Math.round((1000 * TICKS_PER_MS) / requestsPerSecond));
    let isAdmitted = false;
    for (let row = 0; row < RATE_ROWS; row++) {
      const hash = Bun.hash.xxHash32(network, this.#seed + row);
      if (this.#take(row * RATE_SLOTS + (hash % RATE_SLOTS), ticks, cost)) isAdmitted = true;
    }
    return isAdmitted;
  }

  /** Lets an upload begin; the answer ends it. `undefined`: too many are under way. */
  beginUpload(): (() => void) | undefined {
    const { uploads } = this.#settings;
    Atomics.add(this.#uploads, this.#thread, 1);
    const end = () => void Atomics.sub(this.#uploads, this.#thread, 1);
    if (uploads === undefined || this.#uploads.reduce((sum, count) => sum + count, 0) <= uploads) return end;
    end();
    return undefined;
  }

  #take(slot: number, now: number, cost: number): boolean {
    for (;;) {
      const due = Atomics.load(this.#due, slot);
      // By their difference, so that it does not matter where the clock wraps around.
      const ahead = (due - now) | 0;
      const burst = BURST_MS * TICKS_PER_MS;
      // So far ahead no request can have led: it is from before the clock wrapped around.
      const isPast = ahead < 0 || ahead > burst + SKEW_MS * TICKS_PER_MS;
      if (!isPast && ahead > burst - cost) return false;
      const next = ((isPast ? now : due) + cost) | 0;
      if (Atomics.compareExchange(this.#due, slot, due, next) === due) return true;
    }
  }
}
