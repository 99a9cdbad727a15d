import type { Digest } from "../../../primitives/digest.ts";
import { reportFailure } from "../../../primitives/errors/failure.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { SharedNotes } from "../../../primitives/store/engine/shared-notes.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type PullListener, PullNotes } from "./pull-notes.ts";
import { PullTimes } from "./pull-times.ts";

export interface StorePullsOptions {
  /** The directory of this machine for what is derived of the store. */
  readonly dir: string;
  readonly store: string;
  readonly notes?: SharedNotes | undefined;
  readonly log: Logger;
}

/** The pulls of a store: those of the thread that owns it, and with them the times of all. */
export class StorePulls implements PullListener {
  readonly times: PullTimes;
  readonly #notes: PullNotes;

  constructor({ dir, store, notes, log }: StorePullsOptions) {
    this.times = new PullTimes({
      path: `${dir}/pulls.sqlite`,
      shared: notes,
      failed: (what, error) => reportFailure(log, `store '${store}': ${what}`, error),
    });
    this.#notes = new PullNotes((pulls) => this.times.add(pulls));
  }

  note(repository: RepositoryName, digest: Digest): void {
    this.#notes.note(repository, digest);
  }

  /** Learns what this thread and other nodes have noted. */
  refresh(): Promise<void> {
    this.#notes.flush();
    return this.times.refresh();
  }

  /** The hour of the last pull for a list: of one manifest, or of anything in the repository. `undefined`: unknown, or unreadable. */
  shown(repository: RepositoryName, digest?: Digest): Date | undefined {
    try {
      return digest ? this.times.lastPull(repository, digest) : this.times.lastPullOf(repository);
    } catch {
      return undefined;
    }
  }

  /** Like `refresh`, for a list: what can't be learned now is left out. */
  async refreshShown(): Promise<void> {
    await this.refresh().catch(() => undefined);
  }

  close(): Promise<void> {
    this.#notes.flush();
    return this.times.close();
  }
}
