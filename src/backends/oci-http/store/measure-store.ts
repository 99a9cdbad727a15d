import { Pace } from "../../../primitives/jobs/pace.ts";
import { sizeLookup } from "./blob-lookup.ts";
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

/** Paced; slow for a large store, as the size of each blob is looked up. */
export async function measureStore(oci: OciStore): Promise<StoreMeasurement> {
  const measured = oci.blobs.total ? await measureNamed(oci) : await measureEach(oci);
  const { blobs, bytes } = await oci.sizes.first();
  return { blobs, storedBytes: bytes, ...measured };
}

type Measured = Pick<StoreMeasurement, "savedBytes" | "addedBytes">;

async function measureEach({ blobs, index }: OciStore): Promise<Measured> {
  let savedBytes = 0;
  const addedBytes = new Map<string, number>();
  const pace = new Pace(1);
  for await (const page of blobs.list()) {
    for (const digest of page) {
      await pace.rest();
      const stat = await blobs.stat(digest);
      if (!stat) continue;
      savedBytes += stat.size * Math.max(0, index.countUses(digest) - 1);
      const day = stat.placed.toISOString().slice(0, 10);
      addedBytes.set(day, (addedBytes.get(day) ?? 0) + stat.size);
    }
  }
  return { savedBytes, addedBytes };
}

/** Where a look at each blob costs too much. */
async function measureNamed({ blobs, index }: OciStore): Promise<Measured> {
  let savedBytes = 0;
  const sizeOf = sizeLookup(blobs, index);
  const pace = new Pace(1);
  for (const { blob } of index.blobUsers.blobs()) {
    await pace.rest();
    const uses = index.countUses(blob);
    if (uses > 1) savedBytes += (await sizeOf(blob)) * (uses - 1);
  }
  const total = await blobs.total?.(() => undefined);
  return { savedBytes, addedBytes: total?.addedBytes ?? new Map() };
}
