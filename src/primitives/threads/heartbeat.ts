import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";

/** Interval of a thread's heartbeats. */
export const BEAT_MS = 500;

/** A counter in shared memory that a thread increments while its event loop runs. */
export class Heartbeat {
  readonly memory: SharedArrayBuffer;
  readonly #beats: Int32Array;

  /** Pass the memory of another thread's heartbeat to share it. */
  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#beats = new Int32Array(memory);
  }

  get beats(): number {
    return Atomics.load(this.#beats, 0);
  }

  /** Beats once, for long work during which the event loop does not run. */
  beat(): void {
    Atomics.add(this.#beats, 0, 1);
  }

  /** Starts the periodic beats. */
  start(): void {
    this.beat();
    setInterval(() => this.beat(), BEAT_MS).unref();
  }
}

/** Detects a thread whose heartbeat has stopped. */
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
   * Call this about every `BEAT_MS`; returns the time without a beat. Longer pauses between calls count as one beat, because
   * then this thread was delayed too, by a busy machine or because the process was suspended.
   */
  look(): number {
    const now = this.#now();
    const passed = Math.min(now - this.#looked, BEAT_MS);
    this.#looked = now;
    const { beats } = this.#heart;
    // A thread does not beat before it has loaded its first state, which may take any time.
    this.#silentMs = beats === this.#beats && beats !== 0 ? this.#silentMs + passed : 0;
    this.#beats = beats;
    return this.#silentMs;
  }
}
