import type { LogMeasures } from "../../measures.ts";
import type { StoreLog } from "../log/store-log.ts";

export function measuredLog(
  store: string,
  { msBehind, unmerged, checkpoint }: Pick<StoreLog, "msBehind" | "unmerged" | "checkpoint">,
): LogMeasures {
  const copies = Object.entries(checkpoint.copies);
  return {
    store,
    secondsBehind: msBehind / 1000,
    unmergedEntries: unmerged.entries,
    unmergedBytes: unmerged.bytes,
    unmergedSeconds: unmerged.ageMs / 1000,
    checkpointMade: checkpoint.made,
    copiesMade: Object.fromEntries(
      copies.flatMap(([name, { made }]) => (made === undefined ? [] : [[name, made]])),
    ),
  };
}
