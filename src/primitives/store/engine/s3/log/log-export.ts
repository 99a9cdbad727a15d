import { existsSync, statSync } from "node:fs";
import { ExpectedError } from "../../../../expected-error.ts";
import { removeFile, replaceFile, syncDirectory } from "../../../../fs/durable.ts";
import { removeTemporaries, writeVerified } from "../../../../fs/verified-copy.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import { OBJECT_ID_BYTES, type ObjectId } from "../../../git/object-id.ts";
import { assemblePack, type EncodedEntry } from "../../../git/pack.ts";
import { encodePackIndex } from "../../../packs/pack-index.ts";
import { MissingObjectError, segmentStream, slicesOf } from "../content/segment-stream.ts";
import type { Checkpoint, StoredPack } from "./checkpoint.ts";
import { CheckpointObject } from "./checkpoint-object.ts";
import { decodeLogEntry, type LogEntry } from "./log-entry.ts";
import { LogKeys } from "./log-keys.ts";

/** The Git objects of a log in a directory of packs. */
export interface ExportedLog {
  /** Where the branch was; `undefined` if the log has no commit. */
  readonly head: ObjectId | undefined;
  /** The names of the packs, without suffix, which together hold all that the head needs. */
  readonly packs: ReadonlySet<string>;
  /** Bytes that were written. */
  readonly bytes: number;
}

/** Entries that are read at once. */
const WIDTH = 16;
/** Bytes of unmerged objects above which a pack is written. */
const MAX_BYTES = 32 * 1024 * 1024;
const READ_ONLY = 0o444;

/**
 * Writes all Git objects of a store's log as packs into a directory, as they are at one moment while nodes go on writing:
 * what this reads is not deleted for 24 hours. Packs that are there already are not fetched again. Resolves once all of it
 * would survive a power cut. Where something is damaged or missing, `damaged` is called with the error, and the rest is written
 * if it returns.
 */
export async function exportLog(
  bucket: S3Bucket,
  store: string,
  dir: string,
  damaged: (error: ExpectedError) => void = (error) => {
    throw error;
  },
): Promise<ExportedLog> {
  const keys = new LogKeys(store);
  removeTemporaries(dir);
  const { checkpoint } = await new CheckpointObject(bucket, keys.checkpoint).read();
  const packs = new Set<string>();
  let bytes = 0;
  for (const stored of checkpoint.packs) {
    await reporting(damaged, async () => {
      const pack = await fetchPack(bucket, keys, stored, dir);
      packs.add(pack.name);
      bytes += pack.bytes;
    });
  }
  let head = checkpoint.head;
  let waiting = new Map<ObjectId, EncodedEntry>();
  let waitingBytes = 0;
  const write = async () => {
    if (waiting.size === 0) return;
    const pack = await writePack([...waiting.values()], dir);
    packs.add(pack.name);
    bytes += pack.bytes;
    waiting = new Map();
    waitingBytes = 0;
  };
  await reporting(damaged, async () => {
    for await (const { move, objects } of entriesAfter(checkpoint, bucket, keys)) {
      head = move?.next ?? head;
      for (const object of objects) {
        waiting.set(object.id, object);
        waitingBytes += object.bytes.length;
      }
      if (waitingBytes >= MAX_BYTES) await write();
    }
  });
  await write();
  await syncDirectory(dir);
  return { head, packs, bytes };
}

async function reporting(damaged: (error: ExpectedError) => void, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ExpectedError) || error.kind !== "damaged") throw error;
    damaged(error);
  }
}

/** The entries that a checkpoint does not contain. */
async function* entriesAfter(
  { last, head: merged }: Checkpoint,
  bucket: S3Bucket,
  keys: LogKeys,
): AsyncGenerator<LogEntry> {
  let head = merged;
  for (let from = last + 1; ; from += WIDTH) {
    const names = Array.from({ length: WIDTH }, (_, i) => keys.entry(from + i));
    for (const [i, object] of (await Promise.all(names.map((key) => bucket.read(key)))).entries()) {
      if (!object) return;
      const subject = `the log entry ${names[i]}`;
      const entry = decodeLogEntry(object.bytes, subject);
      if (entry.move && entry.move.expected !== head)
        throw new CorruptObjectError(subject, `it does not follow the commit ${head}`);
      head = entry.move?.next ?? head;
      yield entry;
    }
  }
}

/** Git finds a pack by its index, so that comes last. */
async function fetchPack(bucket: S3Bucket, keys: LogKeys, stored: StoredPack, dir: string) {
  // Git and other tools expect hexadecimal names; they need not be those of the content.
  const name = `pack-${new Bun.CryptoHasher("sha256").update(stored.name).digest("hex")}`;
  const [pack, index] = [`${dir}/${name}.pack`, `${dir}/${name}.idx`];
  const isThere = existsSync(index) && statSync(pack, { throwIfNoEntry: false })?.size === stored.bytes;
  if (isThere) return { name, bytes: 0 };
  const indexKey = keys.pack(stored.name, "idx");
  const opened = await bucket.head(indexKey);
  if (!opened) throw new CorruptObjectError(indexKey, "it is gone, and the checkpoint names it");
  let packSum = "";
  let bytes = await fetchFile(bucket, keys.pack(stored.name, "pack"), stored.bytes, pack, (tail) => {
    packSum = Buffer.from(tail).toString("hex");
  });
  bytes += await fetchFile(bucket, indexKey, opened.size, index);
  // An index ends with the checksum of its pack and its own (gitformat-pack).
  const end = Buffer.from(
    await Bun.file(index)
      .slice(opened.size - 2 * OBJECT_ID_BYTES)
      .arrayBuffer(),
  );
  if (end.toString("hex", 0, OBJECT_ID_BYTES) !== packSum) {
    removeFile(index);
    throw new CorruptObjectError(indexKey, "it is the index of another pack");
  }
  return { name, bytes };
}

/** Fetches a file that ends with the SHA-256 of what is before; `sum` is given that. */
async function fetchFile(
  bucket: S3Bucket,
  key: string,
  size: number,
  target: string,
  sum: (tail: Uint8Array) => void = () => undefined,
): Promise<number> {
  try {
    return await writeVerified(segmentStream(bucket, slicesOf([{ key, size }])), key, target, {
      algorithm: "sha256",
      tailBytes: OBJECT_ID_BYTES,
      isSound: (hash, tail) => {
        sum(tail);
        return Buffer.compare(hash, tail) === 0;
      },
    });
  } catch (error) {
    if (!(error instanceof MissingObjectError)) throw error;
    throw new CorruptObjectError(key, "it is gone, and the checkpoint names it");
  }
}

async function writePack(entries: readonly EncodedEntry[], dir: string) {
  const pack = assemblePack(entries);
  const index = encodePackIndex(pack.entries, pack.checksum);
  const name = `pack-${Buffer.from(pack.checksum).toString("hex")}`;
  await replaceFile(`${dir}/${name}.pack`, pack.bytes, READ_ONLY);
  await replaceFile(`${dir}/${name}.idx`, index, READ_ONLY);
  return { name, bytes: pack.bytes.length + index.length };
}
