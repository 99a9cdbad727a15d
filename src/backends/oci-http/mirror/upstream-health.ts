import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { UpstreamFailure } from "../../../registry/client/upstream-answer.ts";

/** How long (ms) an upstream that failed is not asked about what the store has. */
const AWAY_MS = 10_000;
/** How long an upstream that limits requests is not asked at all, where it does not say; and at most. */
const LIMITED_MS = 30_000;
const MAX_LIMITED_MS = 6 * 60 * 60 * 1000;

type Trouble = Extract<UpstreamFailure, { readonly kind: "limited" | "unavailable" }>;

/** What the last responses of an upstream say about the next ones. */
export class UpstreamHealth {
  readonly #now: MonotonicClock;
  #limited: { readonly until: number; readonly reason: string } | undefined;
  #away: { readonly until: number; readonly reason: string } | undefined;

  constructor(now: MonotonicClock = monotonicMs) {
    this.#now = now;
  }

  note(failure: UpstreamFailure): void {
    const now = this.#now();
    if (failure.kind === "limited") {
      const until = now + Math.min(failure.retryAfterMs ?? LIMITED_MS, MAX_LIMITED_MS);
      this.#limited = { until, reason: failure.reason };
    } else if (failure.kind === "unavailable") this.#away = { until: now + AWAY_MS, reason: failure.reason };
  }

  /** Upstream has answered. */
  noteSound(): void {
    this.#away = undefined;
    this.#limited = undefined;
  }

  /** Upstream wants no requests for now; `undefined` if it may be asked. */
  get limited(): Trouble | undefined {
    const left = this.#limited ? this.#limited.until - this.#now() : 0;
    if (!this.#limited || left <= 0) return undefined;
    return { kind: "limited", retryAfterMs: left, reason: this.#limited.reason };
  }

  /** Why upstream is not asked about what the store has; `undefined` if it is. */
  get trouble(): Trouble | undefined {
    if (this.limited) return this.limited;
    if (!this.#away || this.#away.until <= this.#now()) return undefined;
    return { kind: "unavailable", reason: this.#away.reason };
  }
}
