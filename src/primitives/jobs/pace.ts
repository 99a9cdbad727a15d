import { orAborted } from "./or-aborted.ts";

/** Work between two rests (ms): about as long as anybody else may have to wait for the thread. */
const SLICE_MS = 2;

/** Keeps background work to a part of a thread, in slices that nobody notices. */
export class Pace {
  readonly #restPerWork: number;
  readonly #signal: AbortSignal | undefined;
  #began = performance.now();

  /** It rests so many times as long as it works, and no longer once `signal` is aborted. */
  constructor(restPerWork = 3, signal?: AbortSignal) {
    this.#restPerWork = restPerWork;
    this.#signal = signal;
  }

  /** To be awaited between small steps; `undefined` while the slice is not over. */
  rest(): Promise<void> | undefined {
    const worked = performance.now() - this.#began;
    if (worked < SLICE_MS) return undefined;
    return orAborted(Bun.sleep(worked * this.#restPerWork), this.#signal).then(() => this.rested());
  }

  /** The thread was free for others just now, as while a file system worked. */
  rested(): void {
    this.#began = performance.now();
  }
}
