import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";

/** How often a thread shows that its event loop turns, in milliseconds. */
export const BEAT_MS = 500;

/** A count in shared memory that a thread moves for as long as its event loop turns. */
export class Heartbeat {
  readonly memory: SharedArrayBuffer;
  readonly #beats: Int32Array;

  /** With the memory of another thread's it is the same. */
  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#beats = new Int32Array(memory);
  }

  get beats(): number {
    return Atomics.load(this.#beats, 0);
  }

  /** Shows that the thread goes on, also where its event loop does not turn for all that has come in at once. */
  beat(): void {
    Atomics.add(this.#beats, 0, 1);
  }

  /** Beats from now on. */
  start(): void {
    this.beat();
    setInterval(() => this.beat(), BEAT_MS).unref();
  }
}

/** Tells when another thread's heart has stopped. */
export class SilenceMeter {
  readonly #heart: Pick<Heartbeat, "beats">;
  readonly #now: MonotonicClock;
  #beats: number;
  #looked: number;
  #silentMs = 0;

  constructor(heart: Pick<Heartbeat, "beats">, now: MonotonicClock = monotonicMs) {
    this.#heart = heart;
    this.#now = now;
    this.#beats = heart.beats;
    this.#looked = now();
  }

  /**
   * Looks, about every `BEAT_MS`, and answers how long there was no beat. Time in which nobody looked counts for no more
   * than one beat: then this thread was held up as well, be it by a busy machine or because the process was suspended.
   */
  look(): number {
    const now = this.#now();
    const passed = Math.min(now - this.#looked, BEAT_MS);
    this.#looked = now;
    const { beats } = this.#heart;
    // No thread beats before its first state has been loaded; that takes as long as it takes.
    this.#silentMs = beats === this.#beats && beats !== 0 ? this.#silentMs + passed : 0;
    this.#beats = beats;
    return this.#silentMs;
  }
}
