import type { Release } from "../../../release.ts";
import type { DerivedCopies, DerivedDatabase, StillFile } from "../derived-copies.ts";
import type { StoreLog } from "./log/store-log.ts";

/** The pause after a copy: as long at least (ms), and so many times as long as the copy took. */
const MIN_PAUSE_MS = 60_000;
const PAUSE_PER_COPY = 20;

interface Offer extends DerivedDatabase {
  readonly source: () => Promise<StillFile | undefined>;
  /** When the next copy may be made (`performance.now()`, ms). */
  next: number;
}

type CopiedLog = Pick<StoreLog, "isCopyDue" | "saveCopy">;

/** Copies of derived databases beside the checkpoints of the stores. */
export class S3Copies implements DerivedCopies {
  readonly #open: (store: string) => Promise<Pick<StoreLog, "fetchCopy">>;
  readonly #offers = new Set<Offer>();

  constructor(open: (store: string) => Promise<Pick<StoreLog, "fetchCopy">>) {
    this.#open = open;
  }

  async fetch({ store, database }: DerivedDatabase, path: string): Promise<boolean> {
    return (await this.#open(store)).fetchCopy(database, path);
  }

  offer(of: DerivedDatabase, source: () => Promise<StillFile | undefined>): Release {
    const offer = { ...of, source, next: Number.NEGATIVE_INFINITY };
    this.#offers.add(offer);
    return () => this.#offers.delete(offer);
  }

  /** Whether a copy of a store is due, and the last one of this node long enough ago. */
  areDue(store: string, log: Pick<CopiedLog, "isCopyDue">): boolean {
    return this.#due(store, log).some(({ next }) => performance.now() >= next);
  }

  /** Saves the copies that are due. `step`: see `StoreLog.merge`. `isForced`: also if the last one was made just now. */
  async save(store: string, log: CopiedLog, step: () => void, isForced = true): Promise<void> {
    for (const offer of this.#due(store, log)) {
      const began = performance.now();
      if (!isForced && began < offer.next) continue;
      const file = await offer.source();
      try {
        if (file) await log.saveCopy(offer.database, file.path, () => this.#step(offer, step));
      } catch (error) {
        if (this.#offers.has(offer)) throw error;
      } finally {
        file?.release();
        const tookMs = performance.now() - began;
        offer.next = performance.now() + Math.max(MIN_PAUSE_MS, PAUSE_PER_COPY * tookMs);
      }
    }
  }

  #due(store: string, log: Pick<CopiedLog, "isCopyDue">): Offer[] {
    return [...this.#offers].filter((offer) => offer.store === store && log.isCopyDue(offer.database));
  }

  #step(offer: Offer, step: () => void): void {
    step();
    if (!this.#offers.has(offer)) throw new Error(`${offer.database} is being closed`);
  }
}
