import { orAborted } from "./or-aborted.ts";

/** Work between two rests, which bounds how long the thread is blocked. */
const SLICE_MS = 2;

/** Limits background work to a fraction of a thread's time, in short slices. */
export class Pace {
  readonly #restPerWork: number;
  readonly #signal: AbortSignal | undefined;
  #began = performance.now();

  /** Each rest lasts `restPerWork` times as long as the work before it, or until `signal` is aborted. */
  constructor(restPerWork = 3, signal?: AbortSignal) {
    this.#restPerWork = restPerWork;
    this.#signal = signal;
  }

  /** Await this between small steps. Returns `undefined` while the slice is not over. */
  rest(): Promise<void> | undefined {
    const worked = performance.now() - this.#began;
    if (worked < SLICE_MS) return undefined;
    return orAborted(Bun.sleep(worked * this.#restPerWork), this.#signal).then(() => this.rested());
  }

  /** Begins a new slice, because the thread has just been free, for example during file I/O. */
  rested(): void {
    this.#began = performance.now();
  }
}
