import { Pace } from "../../../primitives/jobs/pace.ts";
import type { OciStore } from "../store/oci-store.ts";

export interface StoreStatistics {
  readonly blobs: number;
  readonly storedBytes: number;
  /** What it would take besides if every manifest that names a blob had one of its own. */
  readonly savedBytes: number;
  /** Bytes of the blobs that are there, by the day (UTC) on which they came. */
  readonly addedBytes: ReadonlyMap<string, number>;
}

export async function measureStore(oci: OciStore): Promise<StoreStatistics> {
  let savedBytes = 0;
  const addedBytes = new Map<string, number>();
  const pace = new Pace(1);
  for (const digest of oci.blobs.list()) {
    await pace.rest();
    const file = oci.blobs.file(digest);
    if (!file) continue;
    savedBytes += file.size * Math.max(0, oci.index.countUses(digest) - 1);
    const day = file.placed.toISOString().slice(0, 10);
    addedBytes.set(day, (addedBytes.get(day) ?? 0) + file.size);
  }
  const { blobs, bytes } = await oci.sizes.first();
  return { blobs, storedBytes: bytes, savedBytes, addedBytes };
}
