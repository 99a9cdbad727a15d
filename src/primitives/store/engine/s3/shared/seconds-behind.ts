import type { StoreLog } from "../log/store-log.ts";

/** Reads the logs to their ends, and returns for how many seconds the end of one of them was not seen, the longest. */
export async function secondsBehind(
  logs: readonly Pick<StoreLog, "refresh" | "msBehind">[],
): Promise<number> {
  await Promise.allSettled(logs.map((log) => log.refresh()));
  return Math.round(Math.max(0, ...logs.map((log) => log.msBehind)) / 1000);
}
