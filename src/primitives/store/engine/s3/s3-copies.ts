import type { Release } from "../../../release.ts";
import type { DerivedCopies, DerivedDatabase, StillFile } from "../derived-copies.ts";
import type { StoreLog } from "./log/store-log.ts";

interface Offer extends DerivedDatabase {
  readonly source: () => Promise<StillFile>;
}

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

  offer(of: DerivedDatabase, source: () => Promise<StillFile>): Release {
    const offer = { ...of, source };
    this.#offers.add(offer);
    return () => this.#offers.delete(offer);
  }

  /** Saves the copies that are due. `step`: see `StoreLog.merge`. */
  async save(store: string, log: Pick<StoreLog, "isCopyDue" | "saveCopy">, step: () => void): Promise<void> {
    for (const offer of this.#offers) {
      if (offer.store !== store || !log.isCopyDue(offer.database)) continue;
      const file = await offer.source();
      try {
        await log.saveCopy(offer.database, file.path, step);
      } finally {
        file.release();
      }
    }
  }
}
