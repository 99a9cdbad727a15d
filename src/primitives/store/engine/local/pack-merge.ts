import { open } from "node:fs/promises";
import { syncFile, writeSynced } from "../../../fs/durable.ts";
import { writeFully } from "../../../fs/files.ts";
import type { ObjectId } from "../../git/object-id.ts";
import { encodePackHeader, type PackedEntry } from "../../git/pack.ts";
import type { PackFile, RawEntry } from "./pack-file.ts";
import { encodePackIndex } from "./pack-index.ts";

/** Packs above which the smallest are merged into one; bounds open files and the places where an object is sought. */
const MAX_SMALL_PACKS = 64;
/** A merged pack holds no more objects than this, which bounds the time and memory of one merge. */
const MAX_MERGED_OBJECTS = 65_536;
/** A pack joins a merge unless it is this many times larger than all the smaller ones together. */
const GEOMETRIC_FACTOR = 2;
const COPY_BYTES = 1 << 20;

/**
 * The packs to merge now, if any. Sizes form a geometric progression, so that each object is copied only a logarithmic
 * number of times however many commits follow. Packs with deltas are left to stock git, which made them.
 */
export function chooseMerge<P extends Pick<PackFile, "count" | "hasDeltas">>(
  packs: readonly P[],
): readonly P[] {
  const small = packs.filter((pack) => pack.count < MAX_MERGED_OBJECTS / 2);
  if (small.length <= MAX_SMALL_PACKS) return [];
  const candidates = small.filter((pack) => !pack.hasDeltas()).toSorted((a, b) => a.count - b.count);
  const chosen: P[] = [];
  let total = 0;
  for (const pack of candidates) {
    const isLarge = pack.count > total * GEOMETRIC_FACTOR;
    if (isLarge && chosen.length >= MAX_SMALL_PACKS / 2) break;
    if (total + pack.count > MAX_MERGED_OBJECTS) break;
    chosen.push(pack);
    total += pack.count;
  }
  return chosen.length > 1 ? chosen : [];
}

/** Where the two files of a pack are written. */
export interface PackPaths {
  readonly pack: string;
  readonly idx: string;
}

/**
 * Writes the objects of `packs`, each once, to `temporary`, synced, and answers the name that the
 * pack's checksum gives them. Entries are copied as they lie; none may be a delta.
 */
export async function mergePacks(packs: readonly PackFile[], temporary: PackPaths): Promise<string> {
  const runs = planRuns(packs);
  const entries: PackedEntry[] = [];
  const hash = new Bun.CryptoHasher("sha256");
  const handle = await open(temporary.pack, "wx", 0o644);
  let checksum: Uint8Array;
  try {
    let size = 0;
    const append = async (bytes: Uint8Array) => {
      await writeFully(handle, bytes, size);
      size += bytes.length;
    };
    const appendHashed = (bytes: Uint8Array) => {
      hash.update(bytes);
      return append(bytes);
    };
    await appendHashed(encodePackHeader(runs.reduce((sum, run) => sum + run.entries.length, 0)));
    for (const { pack, offset, length, entries: copied } of runs) {
      for (const entry of copied) {
        entries.push({ id: entry.id, crc: entry.crc, offset: size + entry.offset - offset });
      }
      for (let done = 0; done < length; done += COPY_BYTES) {
        await appendHashed(pack.readRaw(offset + done, Math.min(COPY_BYTES, length - done)));
      }
    }
    checksum = hash.digest();
    await append(checksum);
    await syncFile(handle.fd);
  } finally {
    await handle.close();
  }
  await writeSynced(temporary.idx, encodePackIndex(entries, checksum));
  return `pack-${checksum.toHex()}`;
}

/** Neighbouring entries of one pack, copied together. */
interface Run {
  readonly pack: PackFile;
  readonly offset: number;
  length: number;
  readonly entries: RawEntry[];
}

function planRuns(packs: readonly PackFile[]): Run[] {
  const seen = new Set<ObjectId>();
  const runs: Run[] = [];
  for (const pack of packs) {
    let run: Run | undefined;
    for (const entry of pack.rawEntries()) {
      if (seen.has(entry.id)) {
        run = undefined;
        continue;
      }
      seen.add(entry.id);
      if (!run) {
        run = { pack, offset: entry.offset, length: 0, entries: [] };
        runs.push(run);
      }
      run.entries.push(entry);
      run.length += entry.length;
    }
  }
  return runs;
}
