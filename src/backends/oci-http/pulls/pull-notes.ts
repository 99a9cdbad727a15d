import type { Digest } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";

/** A manifest that was pulled within an hour. */
export interface Pull {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** Hours since the epoch. */
  readonly hour: number;
}

/** What a thread that serves notes of pulls. */
export interface PullListener {
  note(repository: RepositoryName, digest: Digest): void;
}

/** For what is no newest state. */
export const NO_PULLS: PullListener = { note: () => undefined };

export const HOUR_MS = 60 * 60 * 1000;
const TELL_MS = 60_000;
/** Pulls are told early where as many wait. */
const MAX_WAITING = 20_000;
/** Most manifests that are remembered as noted in this hour; one that is forgotten is told again. */
const MAX_KNOWN = 100_000;

/** Notes the pulls of one thread, each manifest once an hour, and tells of them once a minute. */
export class PullNotes implements PullListener {
  readonly #tell: (pulls: readonly Pull[]) => void;
  readonly #now: () => number;
  readonly #known = new Map<RepositoryName, Set<Digest>>();
  #count = 0;
  #hour = 0;
  #waiting: Pull[] = [];
  #timer: Timer | undefined;

  /** `now`: milliseconds since the epoch. */
  constructor(tell: (pulls: readonly Pull[]) => void, now: () => number = Date.now) {
    this.#tell = tell;
    this.#now = now;
  }

  note(repository: RepositoryName, digest: Digest): void {
    const hour = Math.floor(this.#now() / HOUR_MS);
    if (hour !== this.#hour || this.#count >= MAX_KNOWN) {
      this.#known.clear();
      this.#count = 0;
      this.#hour = hour;
    }
    const known = this.#known.get(repository);
    if (known?.has(digest)) return;
    if (known) known.add(digest);
    else this.#known.set(repository, new Set([digest]));
    this.#count++;
    this.#waiting.push({ repository, digest, hour });
    if (this.#waiting.length >= MAX_WAITING) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), TELL_MS).unref();
  }

  /** Tells at once what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const pulls = this.#waiting;
    this.#waiting = [];
    this.#tell(pulls);
  }
}
