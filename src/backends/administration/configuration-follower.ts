import { failureOf } from "../../primitives/errors/failure.ts";
import { SharedRun } from "../../primitives/jobs/shared-run.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import type { Store } from "../../primitives/store/commits/store.ts";

/** What other nodes change of users, grants and registries. */
export interface OtherNodes {
  /** Rises when a change of another node applies here. */
  readonly version: number;
  /** Resolves when what other nodes changed before the call applies here; `undefined` where there are no other nodes. */
  refresh(): Promise<void> | undefined;
}

export interface FollowerOptions {
  /** The stores of the configuration. */
  readonly stores: readonly Pick<Store, "refresh" | "head">[];
  /** The stores of the registries: what was deleted from them is not served for longer than about a second. */
  readonly contents: () => readonly Pick<Store, "refresh">[];
  /** See `RELOAD`. */
  readonly reload: () => Promise<readonly string[]>;
  readonly log: Logger;
}

/** How often a node looks for what others have changed, in milliseconds. */
const EVERY_MS = 1000;

/** Applies the changes that other nodes make of users, grants and registries: when it is asked to, and about once a second. */
export class ConfigurationFollower implements OtherNodes {
  readonly #options: FollowerOptions;
  readonly #looking = new SharedRun(() => this.#look());
  #version = 0;
  /** The commits that apply. */
  #applied: string;
  /** Why the stores could not be looked at, if they could not the last time. */
  #away: string | undefined;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#applied = this.#heads();
    this.#lookLater();
  }

  get version(): number {
    return this.#version;
  }

  /** Why the storage can't be used at the moment. */
  get away(): string | undefined {
    return this.#away;
  }

  refresh(): Promise<void> {
    return this.#looking.run();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #lookLater(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#lookAtAll().then(
        () => this.#noteAway(undefined),
        (error) => this.#noteAway(failureOf(error).detail),
      );
    }, EVERY_MS).unref();
  }

  async #lookAtAll(): Promise<void> {
    const contents = this.#options.contents().map((store) => store.refresh());
    const [, results] = await Promise.all([this.refresh(), Promise.allSettled(contents)]);
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    // What fails for one store is met by those who read it. A full disk of this node is met by all, and other nodes are better.
    const failed = failures.find((reason: unknown) => failureOf(reason).kind === "storage");
    if (failed !== undefined) throw failed;
  }

  /** Told once when the storage goes away, and once when it is back. */
  #noteAway(away: string | undefined): void {
    const { log } = this.#options;
    if (away !== undefined && this.#away === undefined && !this.#isStopped)
      log.warn(`the storage can't be used for now: ${away}`);
    if (away === undefined && this.#away !== undefined) log.info("the storage can be used again");
    this.#away = away;
    this.#lookLater();
  }

  async #look(): Promise<void> {
    const { stores, reload, log } = this.#options;
    await Promise.all(stores.map((store) => store.refresh()));
    const heads = this.#heads();
    if (heads === this.#applied) return;
    try {
      const changes = await reload();
      this.#applied = heads;
      if (changes.length === 0) return;
      this.#version++;
      log.info(`another node has changed ${changes.join("; ")}`);
    } catch (error) {
      const { kind, detail } = failureOf(error);
      if (kind === "unavailable") throw error;
      // Not tried again before the next change: the configuration of before goes on.
      this.#applied = heads;
      if (kind === "bug") log.error("what another node has changed can't be applied", error);
      else log.warn(`what another node has changed is not applied: ${detail}`);
    }
  }

  #heads(): string {
    return this.#options.stores.map((store) => store.head().commitId ?? "").join(" ");
  }
}
