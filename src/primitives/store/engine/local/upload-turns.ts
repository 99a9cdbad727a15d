/** Bytes of one upload in a row before another one has its turn. */
const TURN_BYTES = 4 * 1024 * 1024;
/** What every upload may take in without a turn, so that small blobs don't wait behind large ones. */
const FREE_BYTES = 256 * 1024;
/** An upload that waits for its client or the disk for so long (ms) loses its turn to one that has something. */
const MAX_IDLE_MS = 0.5;
const CHECK_MS = 1;

interface Waiting {
  readonly turn: UploadTurn;
  readonly proceed: () => void;
}

/**
 * Lets the large uploads of a thread take turns of some MiB instead of all at once: that costs none of them anything, as
 * they share one thread, but the clients that wait for their turn sleep instead of competing with everybody else for the
 * processor, and fewer bytes are on their way at any moment.
 */
export class UploadTurns {
  #holder: UploadTurn | undefined;
  #queue: Waiting[] = [];
  /** Uploads under way that are larger than what passes freely. */
  #large = 0;
  #timer: Timer | undefined;

  begin(): UploadTurn {
    return new UploadTurn(this);
  }

  get large(): number {
    return this.#large;
  }

  becameLarge(): void {
    this.#large++;
  }

  /** Resolves when `turn` may go on; `undefined` if it may at once. */
  take(turn: UploadTurn): Promise<void> | undefined {
    const isHolder = this.#holder === turn;
    if (isHolder && (turn.taken < TURN_BYTES || this.#queue.length === 0)) return undefined;
    if (!isHolder && this.#queue.length === 0 && this.#isFree()) {
      this.#give(turn);
      return undefined;
    }
    return new Promise((proceed) => {
      this.#queue.push({ turn, proceed });
      if (isHolder) this.#next();
      this.#watch();
    });
  }

  leave(turn: UploadTurn): void {
    if (turn.isLarge) this.#large--;
    if (this.#holder === turn) this.#next();
  }

  #isFree(): boolean {
    return (
      this.#holder === undefined ||
      (this.#holder.idleSince !== undefined && performance.now() - this.#holder.idleSince > MAX_IDLE_MS)
    );
  }

  #give(turn: UploadTurn): void {
    this.#holder = turn;
    turn.taken = 0;
  }

  #next(): void {
    const next = this.#queue.shift();
    this.#holder = undefined;
    if (!next) return;
    this.#give(next.turn);
    next.proceed();
  }

  #watch(): void {
    this.#timer ??= setInterval(() => {
      if (this.#queue.length === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      } else if (this.#isFree()) this.#next();
    }, CHECK_MS);
  }
}

/** One upload among those that take turns. */
export class UploadTurn {
  readonly #turns: UploadTurns;
  /** Bytes since it has its turn. */
  taken = 0;
  /** Since when it waits for its client or the disk (ms). */
  idleSince: number | undefined;
  #total = 0;

  constructor(turns: UploadTurns) {
    this.#turns = turns;
  }

  get isLarge(): boolean {
    return this.#total > FREE_BYTES;
  }

  /** Whether no other large upload is under way on this thread. */
  get isAlone(): boolean {
    return this.isLarge && this.#turns.large === 1;
  }

  /** It waits for its client or the disk now. */
  idle(): void {
    this.idleSince = performance.now();
  }

  /** Its client has sent `bytes`; resolves when they may be worked on, `undefined` if at once. */
  ready(bytes: number): Promise<void> | undefined {
    this.idleSince = undefined;
    const wasLarge = this.isLarge;
    this.#total += bytes;
    if (this.isLarge && !wasLarge) this.#turns.becameLarge();
    const waiting = this.isLarge ? this.#turns.take(this) : undefined;
    this.taken += bytes;
    return waiting;
  }

  end(): void {
    this.#turns.leave(this);
  }
}
