import { orAborted } from "../../../primitives/jobs/or-aborted.ts";
import type { UpstreamAnswer, UpstreamFailure } from "../../../registry/client/upstream-answer.ts";
import type { UpstreamRequest } from "../mirror/mirrored-registry.ts";
import { CopyFault } from "./copy-fault.ts";

/** How often upstream may limit requests before the work is left to the next run. */
const MAX_PAUSES = 50;
/** So many failures without a success in between are taken for those of all of upstream. */
const MAX_FAILURES = 3;
const MIN_PAUSE_MS = 1000;
/** Pauses end a little late rather than early. */
const MARGIN_MS = 200;

export interface PatientOptions {
  readonly signal: AbortSignal;
  /** Upstream wants no requests until then; `undefined`: it is asked again. */
  readonly paused: (until: Date | undefined) => void;
  /** Called with each failure of upstream. */
  readonly failed: (failure: UpstreamFailure) => void;
  /** Waits so many milliseconds. */
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Asks an upstream on behalf of a job: where it limits requests, the job waits as long as upstream wants. */
export class PatientUpstream {
  readonly request: UpstreamRequest;
  readonly #options: PatientOptions;
  #pauses = 0;
  #failures = 0;

  constructor(request: UpstreamRequest, options: PatientOptions) {
    this.request = request;
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  /** Throws `CopyFault` for whatever is neither found nor unknown, and the signal's reason once that is aborted. */
  async ask<T>(
    question: (signal: AbortSignal) => Promise<UpstreamAnswer<T>>,
  ): Promise<Extract<UpstreamAnswer<T>, { readonly kind: "found" }> | undefined> {
    for (;;) {
      await this.rested();
      const answer = await question(this.signal);
      if (answer.kind === "found" || answer.kind === "unknown") {
        this.request.health.noteSound();
        this.#failures = 0;
        return answer.kind === "found"
          ? (answer as Extract<UpstreamAnswer<T>, { readonly kind: "found" }>)
          : undefined;
      }
      this.refused(answer);
    }
  }

  /** Returns if upstream is to be asked again, after the pause that it wants. */
  refused(failure: Exclude<UpstreamFailure, { readonly kind: "unknown" }>): void {
    this.request.health.note(failure);
    this.#options.failed(failure);
    if (failure.kind === "invalid") throw new CopyFault(failure.reason);
    if (failure.kind === "denied") throw new CopyFault(failure.reason, true);
    if (failure.kind === "unavailable") throw new CopyFault(failure.reason, ++this.#failures >= MAX_FAILURES);
    if (++this.#pauses > MAX_PAUSES)
      throw new CopyFault(`${failure.reason}; it has said so ${MAX_PAUSES} times`, true);
  }

  /** A failure after which the work goes on. */
  noteFailure(failure: UpstreamFailure): void {
    this.#options.failed(failure);
  }

  /** Waits until upstream may be asked. */
  async rested(): Promise<void> {
    const { signal, paused, sleep = Bun.sleep } = this.#options;
    signal.throwIfAborted();
    for (let limited = this.request.health.limited; limited; limited = this.request.health.limited) {
      const left = limited.kind === "limited" ? (limited.retryAfterMs ?? 0) : 0;
      const ms = Math.max(MIN_PAUSE_MS, left + MARGIN_MS);
      paused(new Date(Date.now() + ms));
      await orAborted(sleep(ms), signal);
      signal.throwIfAborted();
      paused(undefined);
    }
  }
}
