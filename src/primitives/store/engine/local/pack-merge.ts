import { open } from "node:fs/promises";
import { syncFile, writeSynced } from "../../../fs/durable.ts";
import { writeFully } from "../../../fs/files.ts";
import { OBJECT_ID_BYTES, type ObjectId } from "../../git/object-id.ts";
import { encodePackHeader, type PackedEntry } from "../../git/pack.ts";
import { encodePackIndex } from "../../packs/pack-index.ts";
import type { PackFile, RawEntry } from "./pack-file.ts";

/** Packs above which the smallest are merged into one; bounds open files and the places where an object is sought. */
const MAX_SMALL_PACKS = 64;
/** A merged pack holds no more objects than this, which bounds the time and memory of one merge. */
const MAX_MERGED_OBJECTS = 65_536;
/** A pack joins a merge unless it is this many times larger than all the smaller ones together. */
const GEOMETRIC_FACTOR = 2;
const COPY_BYTES = 1 << 20;
/** Where one pack has so many times the objects of another, these are sought one by one. */
const FEW_FACTOR = 16;

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

/** A pack all of whose objects are in another one. */
export interface CoveredPack {
  readonly pack: PackFile;
  readonly cover: PackFile;
}

/**
 * Packs that were merged into another one of them: a crash keeps them from being removed, and those that are no longer
 * small are never merged again. Packs with deltas are left to stock git. `rest` lets others have their turn.
 */
export async function* coveredPacks(
  packs: readonly PackFile[],
  rest: () => Promise<void> | undefined,
): AsyncGenerator<CoveredPack> {
  const left = packs
    .filter(({ count }) => count > 0 && count <= MAX_MERGED_OBJECTS)
    .toSorted((a, b) => b.count - a.count);
  for (let cover = left.shift(); cover; cover = left.shift()) {
    await rest();
    let all: Buffer | undefined;
    for (const pack of [...left]) {
      if (!cover.has(pack.ids(1))) continue;
      all ??= cover.ids();
      if (!isWithin(pack, cover, all) || cover.hasDeltas() || pack.hasDeltas()) continue;
      left.splice(left.indexOf(pack), 1);
      yield { pack, cover };
      await rest();
    }
  }
}

function isWithin(pack: PackFile, cover: PackFile, all: Buffer): boolean {
  const ids = pack.ids();
  const isFew = pack.count * FEW_FACTOR < cover.count;
  for (let at = 0, from = 0; at < ids.length; at += OBJECT_ID_BYTES) {
    if (isFew) {
      if (!cover.has(ids.subarray(at, at + OBJECT_ID_BYTES))) return false;
      continue;
    }
    let order = -1;
    for (; order < 0 && from < all.length; from += OBJECT_ID_BYTES)
      order = all.compare(ids, at, at + OBJECT_ID_BYTES, from, from + OBJECT_ID_BYTES);
    if (order !== 0) return false;
  }
  return true;
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
