import type { ExpectedError } from "../../../expected-error.ts";
import type { Logger } from "../../../logging/logger.ts";
import { S3RefusedError } from "../../../s3/s3-errors.ts";
import { type LeaseName, type Leases, parseLeaseName } from "../leases.ts";
import { scopeHash } from "../upload-id.ts";
import type { StoreLog } from "./log/store-log.ts";

/** How often a node looks whether the log is to be merged, in milliseconds. */
const LOOK_EVERY_MS = 10_000;

export interface LogMergingOptions {
  readonly log: Pick<StoreLog, "isMergeDue" | "merge">;
  readonly leases: Leases;
  readonly store: string;
  /** Names this node to the others. */
  readonly node: string;
  readonly logger: Logger;
  /** Of derived databases; see `S3Copies`. */
  readonly copies: { areDue(): boolean; save(step: () => void): Promise<void> };
  /** Milliseconds between looks. */
  readonly everyMs?: number;
}

/** Thrown to end a merge early. */
class MergeEnded extends Error {}

/** Merges the log of a store, and copies what nodes derive from it, when it is due. The nodes do it one at a time, by a lease; without one it would be done in vain. */
export class LogMerging {
  readonly #options: LogMergingOptions;
  readonly #lease: LeaseName;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: LogMergingOptions) {
    this.#options = options;
    const name = parseLeaseName(`merge-${scopeHash(options.store)}`);
    if (name === undefined) throw new Error(`no lease has the name of the store '${options.store}'`);
    this.#lease = name;
    this.#lookLater();
  }

  /** Resolves when nothing is merged any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #lookLater(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#look().finally(() => {
        this.#running = undefined;
        this.#lookLater();
      });
    }, this.#options.everyMs ?? LOOK_EVERY_MS).unref();
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { log, leases, node, store, logger, copies } = this.#options;
    // A copy is due without a merge where the node that merged was killed before it, and after an update of the tables.
    if (!log.isMergeDue && !copies.areDue()) return;
    try {
      const outcome = await leases.acquire(this.#lease, node);
      if (outcome.kind === "held") return;
      const { lease } = outcome;
      try {
        const step = () => {
          if (this.#isStopped || !lease.isHeld()) throw new MergeEnded();
        };
        // One merge is bounded; nodes may push faster than one every few seconds takes in.
        for (let merged = 1; merged > 0 && log.isMergeDue; ) {
          ({ merged } = await log.merge(step, false));
          await copies.save(step);
        }
        await copies.save(step);
      } finally {
        await lease.release();
      }
    } catch (error) {
      // A store that is away is said elsewhere, and the next look tries again.
      const isAway = (error as ExpectedError).kind === "unavailable" && !(error instanceof S3RefusedError);
      if (error instanceof MergeEnded || isAway) return;
      logger.error(`the log of the store '${store}' could not be merged`, error);
    }
  }
}
