import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { type Checkpoint, deletableUpTo } from "./checkpoint.ts";
import type { CheckpointObject } from "./checkpoint-object.ts";
import type { LogKeys } from "./log-keys.ts";

/** How old what no checkpoint refers to must be: a merge that wrote it may be about to refer to it. */
const UNUSED_MS = 24 * 3_600_000;

/**
 * Deletes what a checkpoint has made superfluous, by the clock of the object store:
 * - entries that a checkpoint has contained for 24 hours. All nodes that are alive have read them long ago, and no node can
 *   create one of these numbers any more (`LogAppender`).
 * - packs, segments and copies that neither this checkpoint nor `before`, the one it replaced, refers to, and that are older
 *   than 24 hours. Their names are never used again, so that a node which hangs in here deletes nothing that is in use. A
 *   node that still reads them finds them gone and reads the newest checkpoint.
 * Resolves with the number of deleted objects.
 */
export async function trimLog(
  bucket: S3Bucket,
  keys: LogKeys,
  object: CheckpointObject,
  before: Checkpoint,
): Promise<number> {
  const { checkpoint, written: now } = await object.read();
  const last = keys.entry(deletableUpTo(checkpoint, now));
  let deleted = 0;
  for await (const page of bucket.list(keys.entries)) {
    const old = page.map(({ key }) => key).filter((key) => key <= last);
    await bucket.removeAll(old);
    deleted += old.length;
    if (old.length < page.length) break;
  }
  const used = new Set([before, checkpoint].flatMap((one) => keysOf(one, keys)));
  for (const prefix of [keys.packs, keys.segments, keys.copies]) {
    for await (const page of bucket.list(prefix)) {
      const unused = page.filter(
        ({ key, modified }) => !used.has(key) && modified.getTime() < now.getTime() - UNUSED_MS,
      );
      await bucket.removeAll(unused.map(({ key }) => key));
      deleted += unused.length;
    }
  }
  return deleted;
}

function keysOf({ packs, segments, copies }: Checkpoint, keys: LogKeys): string[] {
  return [
    ...packs.flatMap(({ name }) => [keys.pack(name, "pack"), keys.pack(name, "idx")]),
    ...segments.map(({ name }) => keys.segment(name)),
    ...Object.values(copies).map(({ key }) => key),
  ];
}
