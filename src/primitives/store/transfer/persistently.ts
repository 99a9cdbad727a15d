import { ExpectedError } from "../../expected-error.ts";
import type { TransferWatch } from "./transfer-watch.ts";

/** Pauses between attempts, in milliseconds; each attempt that brings something begins with the first one again. */
const PAUSES_MS: readonly number[] = [1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000];

export interface Persistence {
  readonly watch: Pick<TransferWatch, "pausing">;
  /** Counts up whenever something was brought. */
  readonly progress: () => number;
  readonly pausesMs?: readonly number[];
}

/** Repeats work that can be repeated while the storage is unavailable, until it brings nothing for some minutes. */
export async function persistently<T>(
  { watch, progress, pausesMs = PAUSES_MS }: Persistence,
  work: () => Promise<T>,
): Promise<T> {
  for (let failures = 0, before = progress(); ; ) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ExpectedError) || error.kind !== "unavailable") throw error;
      if (progress() !== before) failures = 0;
      before = progress();
      const pause = pausesMs[failures++];
      if (pause === undefined) throw error;
      watch.pausing(error, pause);
      await Bun.sleep(pause);
    }
  }
}
