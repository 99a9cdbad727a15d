import { Pace } from "../../../primitives/jobs/pace.ts";
import type { OciStore } from "./oci-store.ts";

/** Sizes and counts of a store's blobs. */
export interface StoreMeasurement {
  readonly blobs: number;
  readonly storedBytes: number;
  /** Bytes saved by deduplication: the extra size if every manifest had its own copy of each blob. */
  readonly savedBytes: number;
  /** Bytes of the stored blobs by the day (UTC) they were added. */
  readonly addedBytes: ReadonlyMap<string, number>;
}

/** Reads the size of each blob, paced; slow for a large store. */
export async function measureStore(oci: OciStore): Promise<StoreMeasurement> {
  let savedBytes = 0;
  const addedBytes = new Map<string, number>();
  const pace = new Pace(1);
  for await (const page of oci.blobs.list()) {
    for (const digest of page) {
      await pace.rest();
      const stat = await oci.blobs.stat(digest);
      if (!stat) continue;
      savedBytes += stat.size * Math.max(0, oci.index.countUses(digest) - 1);
      const day = stat.placed.toISOString().slice(0, 10);
      addedBytes.set(day, (addedBytes.get(day) ?? 0) + stat.size);
    }
  }
  const { blobs, bytes } = await oci.sizes.first();
  return { blobs, storedBytes: bytes, savedBytes, addedBytes };
}
