import type { Digest } from "../../../primitives/digest.ts";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { SharedNotes } from "../../../primitives/store/engine/shared-notes.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { PullDatabase } from "./pull-database.ts";
import { HOUR_MS, type Pull } from "./pull-notes.ts";
import { decodePulls, encodePulls } from "./pull-objects.ts";

const ROWS_AT_ONCE = 500;
/** What could not be written waits for the next time, up to so many. */
const MAX_WAITING = 100_000;
const SHARE_MS = 15 * 60 * 1000;
/** Pulls are shared early where as many wait. */
const MAX_UNSHARED = 50_000;
const REFRESH_MS = 60_000;
/** So many notes become few. */
const MAX_NOTES = 64;
const PULLS_OF_NOTE = 50_000;
const MAX_LISTS = 5;

export interface PullTimesOptions {
  readonly path: string;
  /** How nodes share them; `undefined` where there is only one. */
  readonly shared: SharedNotes | undefined;
  /** A failure that costs nothing but a later pruning. */
  readonly failed: (what: string, error: unknown) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** When the manifests of a store were last pulled, on the thread that owns it. Opened when it is first needed. */
export class PullTimes {
  readonly #options: PullTimesOptions;
  readonly #now: () => number;
  readonly #seen = new Set<string>();
  readonly #unshared = new Map<string, Pull>();
  #opened: PullDatabase | undefined;
  #waiting: Pull[] = [];
  #writing: Promise<void> = Promise.resolve();
  #sharing: Promise<void> = Promise.resolve();
  #shares = 0;
  #refreshed = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: PullTimesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Pulls that a thread has noted. */
  add(pulls: readonly Pull[]): void {
    this.#waiting.push(...pulls.slice(0, Math.max(0, MAX_WAITING - this.#waiting.length)));
    this.#writing = this.#writing.then(() => this.#write());
    if (!this.#options.shared) return;
    for (const pull of pulls) this.#unshared.set(`${pull.repository} ${pull.digest}`, pull);
    if (this.#unshared.size >= MAX_UNSHARED) void this.share();
    else this.#timer ??= setTimeout(() => void this.share(), SHARE_MS).unref();
  }

  /** Pulls before this moment are not known. */
  get since(): Date {
    return new Date(this.#db.since(this.#thisHour) * HOUR_MS);
  }

  /** The hour of the last pull that is known. */
  lastPull(repository: RepositoryName, digest: Digest): Date | undefined {
    const hour = this.#db.hourOf(repository, digest);
    return hour === undefined ? undefined : new Date(hour * HOUR_MS);
  }

  /** The last pull of anything in a repository. */
  lastPullOf(repository: RepositoryName): Date | undefined {
    const hour = this.#db.hourIn(repository);
    return hour === undefined ? undefined : new Date(hour * HOUR_MS);
  }

  /** Learns what other nodes have noted, and waits for what this one has. */
  async refresh(): Promise<void> {
    await this.#writing;
    if (!this.#options.shared || this.#now() - this.#refreshed < REFRESH_MS) return;
    await this.#learn(this.#options.shared);
    this.#refreshed = this.#now();
  }

  /** Forgets what `isKnown` denies; the work of a collector, which one node does at a time. */
  async tidy(isKnown: (pull: Pull) => boolean, signal: AbortSignal): Promise<void> {
    const pace = new Pace(1, signal);
    let last: Pull | undefined;
    do {
      const page = this.#db.after(last, ROWS_AT_ONCE);
      const lost = page.filter((pull) => !isKnown(pull));
      if (lost.length > 0) this.#db.forget(lost);
      last = page.at(-1);
      await pace.rest();
    } while (last && !signal.aborted);
    if (this.#options.shared && !signal.aborted) await this.#compact(this.#options.shared);
  }

  /** Tells the other nodes. */
  share(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { shared, failed } = this.#options;
    if (shared)
      this.#sharing = this.#sharing
        .then(() => this.#share(shared))
        .catch((error) => failed("the last pulls could not be shared with the other nodes", error));
    return this.#sharing;
  }

  async close(): Promise<void> {
    await this.share();
    await this.#writing;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#opened?.close();
    this.#opened = undefined;
  }

  get #db(): PullDatabase {
    if (this.#isClosed) throw new Error("the last pulls are closed");
    if (!this.#opened) {
      const { path, failed } = this.#options;
      this.#opened = new PullDatabase(path, (reason) =>
        failed(`${path} was damaged and is begun again, so that nothing is pruned for a while`, reason),
      );
      this.#opened.since(this.#thisHour);
    }
    return this.#opened;
  }

  get #thisHour(): number {
    return Math.floor(this.#now() / HOUR_MS);
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        this.#db.add(this.#waiting.slice(0, ROWS_AT_ONCE));
        this.#waiting.splice(0, ROWS_AT_ONCE);
        await nextTurn();
      }
    } catch (error) {
      this.#options.failed("the last pulls could not be written; they are later", error);
    }
  }

  async #share(shared: SharedNotes): Promise<void> {
    const pulls = [...this.#unshared.values()];
    if (pulls.length === 0) return;
    this.#unshared.clear();
    try {
      await shared.add(encodePulls(this.#db.since(this.#thisHour), pulls));
    } catch (error) {
      for (const pull of pulls) this.#unshared.set(`${pull.repository} ${pull.digest}`, pull);
      throw error;
    }
    // Where no collector runs, somebody else must keep them few.
    if (++this.#shares % MAX_NOTES === 0) await this.#compact(shared);
  }

  /** Resolves with the names of what is known by now. */
  async #learn(shared: SharedNotes): Promise<readonly string[]> {
    let names: readonly string[] = [];
    for (let lists = 0; lists < MAX_LISTS; lists++) {
      names = await shared.names();
      const missing = names.filter((name) => !this.#seen.has(name));
      let isWhole = true;
      for (const name of missing) isWhole = (await this.#learnFrom(shared, name)) && isWhole;
      // What was removed meanwhile is said by another one.
      if (isWhole) break;
    }
    const listed = new Set(names);
    for (const name of this.#seen) if (!listed.has(name)) this.#seen.delete(name);
    return names;
  }

  async #learnFrom(shared: SharedNotes, name: string): Promise<boolean> {
    const bytes = await shared.read(name);
    if (!bytes) return false;
    const { since, pulls } = decodePulls(bytes) ?? { since: this.#thisHour, pulls: [] };
    this.#db.since(since);
    for (let at = 0; at < pulls.length; at += ROWS_AT_ONCE) {
      this.#db.add(pulls.slice(at, at + ROWS_AT_ONCE));
      await nextTurn();
    }
    this.#seen.add(name);
    return true;
  }

  /** Many small notes become few large ones. Two nodes that do so at once write both, and lose nothing. */
  async #compact(shared: SharedNotes): Promise<void> {
    await this.#writing;
    const names = await this.#learn(shared);
    if (names.length <= MAX_NOTES) return;
    const since = this.#db.since(this.#thisHour);
    let last: Pull | undefined;
    do {
      const page = this.#db.after(last, PULLS_OF_NOTE);
      if (page.length > 0 || last === undefined) await shared.add(encodePulls(since, page));
      last = page.at(-1);
      await nextTurn();
    } while (last);
    await shared.remove(names.filter((name) => this.#seen.has(name)));
  }
}
