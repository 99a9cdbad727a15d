import { inTurns } from "../../../../jobs/in-turns.ts";
import { nextTurn } from "../../../../jobs/next-turn.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { writeInParts } from "../../../../s3/write-in-parts.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import { type EncodedEntry, packSteps } from "../../../git/pack.ts";
import { packIndexSteps } from "../../../packs/pack-index.ts";
import { type Checkpoint, historyAfter, type StoredPack } from "./checkpoint.ts";
import type { CheckpointObject, ReadCheckpoint } from "./checkpoint-object.ts";
import type { LogEntry, S3LogRecord } from "./log-entry.ts";
import type { LogKeys } from "./log-keys.ts";
import type { PackedObjects } from "./packed-objects.ts";
import type { RecordSegments } from "./record-segments.ts";

/** Most entries in one merge, and the bytes and the number of their objects above which no more are added. */
const MAX_ENTRIES = 4096;
const MAX_BYTES = 48 * 1024 * 1024;
const MAX_OBJECTS = 32_768;
/** Bytes and objects of a pack above which it is merged no further; a merge holds that much in memory. */
const MAX_PACK_BYTES = 96 * 1024 * 1024;
const MAX_PACK_OBJECTS = 131_072;
/** A larger pack is written in parts of this size: the thread hashes each of them at once. */
const PART_BYTES = 8 * 1024 * 1024;
/** Entries of packs in one step. */
const STEP_ENTRIES = 4000;
/** A pack joins a merge unless it has so many times the bytes of what it is merged with. */
const FACTOR = 2;
/** Entries that are read at once. */
const WIDTH = 16;

/** Entries, and bytes of them, that are worth a merge. A node that starts reads them one by one. */
const WORTHY_ENTRIES = 256;
const WORTHY_BYTES = 16 * 1024 * 1024;
/** Fewer entries are merged once the first of them is so old (milliseconds). */
const WORTHY_AFTER_MS = 3_600_000;

/** Entries that were merged, and objects that were deleted. */
export interface MergeReport {
  readonly merged: number;
  readonly deleted: number;
}

export interface UnmergedEntries {
  readonly entries: number;
  readonly bytes: number;
  /** Of the first one, in milliseconds. */
  readonly ageMs: number;
}

export function isWorthMerging({ entries, bytes, ageMs }: UnmergedEntries): boolean {
  return entries >= WORTHY_ENTRIES || bytes >= WORTHY_BYTES || ageMs >= WORTHY_AFTER_MS;
}

export interface LogMergeOptions {
  readonly bucket: S3Bucket;
  readonly keys: LogKeys;
  readonly object: CheckpointObject;
  readonly packed: PackedObjects;
  readonly segments: RecordSegments;
  readonly read: (number: number) => Promise<LogEntry | undefined>;
  /** Asked before each step; throws if the merge must end. */
  readonly step: () => void;
}

/** What consecutive entries consist of. */
interface Batch {
  readonly last: number;
  readonly head: ObjectId | undefined;
  readonly objects: ReadonlyMap<ObjectId, EncodedEntry>;
  readonly records: readonly S3LogRecord[];
}

/**
 * Merges the entries after a checkpoint, up to `upTo`, into packs and the next checkpoint. What is new is written under
 * names of its own before the checkpoint refers to it, and nothing is removed: whenever this breaks off, the log and the
 * checkpoint are whole. Resolves with `undefined` if there is nothing to merge, or another node has merged meanwhile.
 */
export async function mergeEntries(
  base: ReadCheckpoint,
  upTo: number,
  options: LogMergeOptions,
): Promise<Checkpoint | undefined> {
  const { checkpoint, written } = base;
  const batch = await readBatch(checkpoint, upTo, options);
  if (batch.last === checkpoint.last) return undefined;
  const packs = await mergePacks(checkpoint, batch, options);
  options.step();
  const from = checkpoint.last + 1;
  const segments = await options.segments.append(checkpoint.segments, batch.records, from, batch.last);
  options.step();
  const next: Checkpoint = {
    nonce: crypto.randomUUID(),
    made: options.bucket.client.storeTime.getTime(),
    last: batch.last,
    head: batch.head,
    packs,
    segments,
    history: historyAfter(checkpoint, written),
    copies: checkpoint.copies,
  };
  return (await options.object.replace(base, next)) ? next : undefined;
}

async function readBatch(
  { last: merged, head: mergedHead }: Checkpoint,
  upTo: number,
  { read, keys, step }: LogMergeOptions,
): Promise<Batch> {
  const objects = new Map<ObjectId, EncodedEntry>();
  const records: S3LogRecord[] = [];
  const end = Math.min(upTo, merged + MAX_ENTRIES);
  let [last, head, bytes] = [merged, mergedHead, 0];
  while (last < end && bytes < MAX_BYTES && objects.size < MAX_OBJECTS) {
    step();
    const numbers = Array.from({ length: Math.min(WIDTH, end - last) }, (_, i) => last + 1 + i);
    for (const entry of await Promise.all(numbers.map((number) => read(number)))) {
      const subject = `the log entry ${keys.entry(++last)}`;
      if (!entry) throw new CorruptObjectError(subject, "it is gone, and no checkpoint has it");
      if (entry.move && entry.move.expected !== head)
        throw new CorruptObjectError(subject, `it does not follow the commit ${head}`);
      head = entry.move?.next ?? head;
      records.push(...entry.records);
      for (const object of entry.objects) {
        objects.set(object.id, object);
        bytes += object.bytes.length;
      }
      await nextTurn();
    }
  }
  return { last, head, objects, records };
}

/** Writes a pack with the new objects and those of the last packs, as far as these are small. */
async function mergePacks(
  { packs, last }: Checkpoint,
  batch: Batch,
  { bucket, keys, packed, step }: LogMergeOptions,
): Promise<readonly StoredPack[]> {
  if (batch.objects.size === 0) return packs;
  const kept = [...packs];
  const merged = new MergedObjects();
  await inTurns(merged.addOlder(batch.objects.values()));
  for (let pack = kept.at(-1); pack && joins(pack, merged.bytes, merged.count); pack = kept.at(-1)) {
    step();
    const source = packed.packs.find(({ stored }) => stored.name === pack?.name);
    if (!source) break;
    await inTurns(merged.addOlder(await source.entries()));
    kept.pop();
  }
  const entries = await inTurns(merged.inOrder());
  const pack = await inTurns(packSteps(entries));
  const index = await inTurns(packIndexSteps(pack.entries, pack.checksum));
  const name = `${last + 1}-${batch.last}-${crypto.randomUUID()}`;
  step();
  await bucket.put(keys.pack(name, "idx"), new Uint8Array(index));
  await putPack(bucket, keys.pack(name, "pack"), pack.bytes);
  return [...kept, { name, bytes: pack.bytes.length, objects: entries.length }];
}

/** The objects of a new pack. */
class MergedObjects {
  readonly #seen = new Set<ObjectId>();
  /** The newest ones first. */
  readonly #lists: EncodedEntry[][] = [];
  bytes = 0;

  get count(): number {
    return this.#seen.size;
  }

  /** Adds objects that are older than those that were added before. */
  *addOlder(entries: Iterable<EncodedEntry>): Generator<void, void> {
    const added: EncodedEntry[] = [];
    let seen = 0;
    for (const entry of entries) {
      if (++seen % STEP_ENTRIES === 0) yield;
      if (this.#seen.has(entry.id)) continue;
      this.#seen.add(entry.id);
      added.push(entry);
      this.bytes += entry.bytes.length;
    }
    this.#lists.push(added);
  }

  /** The older ones first, so that what belongs together lies together. */
  *inOrder(): Generator<void, EncodedEntry[]> {
    const all: EncodedEntry[] = [];
    for (const list of this.#lists.toReversed()) {
      for (const [i, entry] of list.entries()) {
        all.push(entry);
        if (i % STEP_ENTRIES === 0) yield;
      }
    }
    return all;
  }
}

async function putPack(bucket: S3Bucket, key: string, pack: Uint8Array<ArrayBuffer>): Promise<void> {
  if (pack.length <= PART_BYTES) await bucket.put(key, pack);
  else {
    const count = Math.ceil(pack.length / PART_BYTES);
    const parts = Array.from({ length: count }, (_, i) =>
      pack.subarray(i * PART_BYTES, (i + 1) * PART_BYTES),
    );
    await writeInParts(bucket, key, parts);
  }
}

const joins = (pack: StoredPack, bytes: number, objects: number) =>
  pack.bytes <= bytes * FACTOR &&
  pack.bytes + bytes <= MAX_PACK_BYTES &&
  pack.objects + objects <= MAX_PACK_OBJECTS;
