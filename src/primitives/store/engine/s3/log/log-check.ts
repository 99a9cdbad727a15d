import { removeQuietly } from "../../../../fs/durable.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import { segmentStream, slicesOf } from "../content/segment-stream.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointObject } from "./checkpoint-object.ts";
import { expandFile } from "./copy-stream.ts";
import { LogKeys } from "./log-keys.ts";
import { PackGoneError } from "./pack-pieces.ts";
import { RecordSegments } from "./record-segments.ts";

const NAMED = "and the checkpoint names it";

/**
 * What is wrong with the log of a store apart from its Git objects (see `exportLog`), a line each: entries that are missing,
 * records and copies of indexes that the checkpoint names. `dir` is a directory for temporary files. Changes nothing. Rejects
 * with `CorruptObjectError` if the checkpoint is damaged.
 */
export async function checkLog(bucket: S3Bucket, store: string, dir: string): Promise<readonly string[]> {
  const keys = new LogKeys(store);
  const { checkpoint, etag } = await new CheckpointObject(bucket, keys.checkpoint).read();
  return [
    ...(etag === undefined ? await lostCheckpoint(bucket, keys) : []),
    ...(await gaps(bucket, keys, checkpoint)),
    ...(await damagedRecords(bucket, keys, checkpoint)),
    ...(await damagedCopies(bucket, checkpoint, dir)),
  ];
}

/** Without entries that show it, see `gaps`. */
async function lostCheckpoint(bucket: S3Bucket, keys: LogKeys): Promise<string[]> {
  for await (const [entry] of bucket.list(keys.entries)) if (entry) return [];
  for await (const [pack] of bucket.list(keys.packs))
    if (pack) return [`${keys.checkpoint} is missing, although there are packs such as ${pack.key}`];
  return [];
}

/** Entries that are missing although later ones exist: what the later ones say is lost. */
async function gaps(bucket: S3Bucket, keys: LogKeys, { last }: Checkpoint): Promise<string[]> {
  const problems: string[] = [];
  let next = last + 1;
  for await (const page of bucket.list(keys.entries, keys.entry(last))) {
    for (const { key } of page) {
      const number = Number(key.slice(keys.entries.length));
      if (!Number.isSafeInteger(number) || number < next) continue;
      // Some object stores list late what they have.
      const missing = await missingBetween(bucket, keys, next, number);
      if (missing !== undefined)
        problems.push(`${missing} is missing, although ${key} and perhaps others follow it`);
      next = number + 1;
    }
  }
  return problems;
}

/** The first entry that does not exist, of those from `from` on and before `to`, in words. */
async function missingBetween(
  bucket: S3Bucket,
  keys: LogKeys,
  from: number,
  to: number,
): Promise<string | undefined> {
  for (let number = from; number < to; number++) {
    if (await bucket.head(keys.entry(number))) continue;
    const others = to - number - 1;
    return `${keys.entry(number)}${others === 0 ? "" : `, perhaps with the ${others} after it,`}`;
  }
  return undefined;
}

async function damagedRecords(bucket: S3Bucket, keys: LogKeys, { segments }: Checkpoint): Promise<string[]> {
  const reader = new RecordSegments(bucket, keys);
  const problems: string[] = [];
  for (const segment of segments) {
    try {
      await reader.read(segment);
    } catch (error) {
      if (error instanceof PackGoneError) problems.push(`${keys.segment(segment.name)} is missing, ${NAMED}`);
      else if (error instanceof CorruptObjectError) problems.push(error.message);
      else throw error;
    }
  }
  return problems;
}

/** Copies are derived: a node that starts without one makes the index of the commits. */
async function damagedCopies(bucket: S3Bucket, { copies }: Checkpoint, dir: string): Promise<string[]> {
  const problems: string[] = [];
  for (const { key } of Object.values(copies)) {
    const found = await bucket.head(key);
    if (!found) {
      problems.push(`${key} is missing, ${NAMED}`);
      continue;
    }
    const path = `${dir}/${crypto.randomUUID()}`;
    try {
      await expandFile(segmentStream(bucket, slicesOf([{ key, size: found.size }])), path, key);
    } catch (error) {
      if (!(error instanceof CorruptObjectError)) throw error;
      problems.push(error.message);
    } finally {
      removeQuietly(path);
    }
  }
  return problems;
}
