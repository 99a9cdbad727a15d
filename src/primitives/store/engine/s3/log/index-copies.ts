import { renameSync } from "node:fs";
import { removeQuietly } from "../../../../fs/durable.ts";
import { streamOf } from "../../../../s3/response-body.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { writeInParts } from "../../../../s3/write-in-parts.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { Checkpoint, IndexCopy } from "./checkpoint.ts";
import type { CheckpointObject } from "./checkpoint-object.ts";
import { compressFile, expandFile } from "./copy-stream.ts";
import type { LogKeys } from "./log-keys.ts";

/** All parts but for the last have this size, which some stores require. */
const PART_BYTES = 16 * 1024 * 1024;
/** How often a checkpoint is read again that another node replaces meanwhile, and a copy that breaks off. */
const MAX_ATTEMPTS = 5;
/**
 * A new copy is worth it after so many Git objects, and after one more for so many bytes of the last copy. A push of an image
 * makes ten to twenty objects.
 */
const MIN_OBJECTS = 5000;
const BYTES_PER_OBJECT = 1000;

/** Copies of databases that nodes derive from the commits, for nodes that start with an empty disk. */
export class IndexCopies {
  readonly #bucket: S3Bucket;
  readonly #keys: LogKeys;
  readonly #object: CheckpointObject;

  constructor(bucket: S3Bucket, keys: LogKeys, object: CheckpointObject) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#object = object;
  }

  /** Whether a copy made now would spare nodes that start more than it costs. */
  isDue(copy: IndexCopy | undefined, objects: number): boolean {
    return objects - (copy?.objects ?? 0) >= Math.max(MIN_OBJECTS, (copy?.bytes ?? 0) / BYTES_PER_OBJECT);
  }

  /** Copies the file at `path`, which nobody changes meanwhile, and refers to it. `objects`: how many Git objects the store has. */
  async save(name: string, path: string, objects: number, step: () => void): Promise<void> {
    const key = `${this.#keys.copies}${name}-${crypto.randomUUID()}`;
    const bytes = await writeInParts(this.#bucket, key, partsOf(compressFile(path, step)));
    const made = this.#bucket.client.storeTime.getTime();
    step();
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const read = await this.#object.read();
      const { checkpoint } = read;
      // The history stays: a checkpoint that was only written again contains nothing more.
      const next: Checkpoint = {
        ...checkpoint,
        nonce: crypto.randomUUID(),
        copies: { ...withoutEarlier(checkpoint.copies, name), [name]: { key, objects, bytes, made } },
      };
      if (read.etag === undefined) break;
      // The copy before this one is deleted later, see `trimLog`: another node may be reading it.
      if (await this.#object.replace(read, next)) return;
    }
    await this.#bucket.remove(key);
  }

  /** Brings the copy to `path`, where there is no file, whole or not at all; false if there is no copy that can be used. */
  async fetch(checkpoint: Checkpoint, name: string, path: string): Promise<boolean> {
    const copy = checkpoint.copies[name];
    if (copy === undefined) return false;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const temporary = `${path}.${crypto.randomUUID()}`;
      try {
        const opened = await this.#bucket.open(copy.key);
        await expandFile(opened ? streamOf(opened.reader) : new Blob([]).stream(), temporary, copy.key);
        renameSync(temporary, path);
        return true;
      } catch (error) {
        // Without a copy it is made of the commits. What breaks off is tried again.
        if (error instanceof CorruptObjectError) return false;
      } finally {
        removeQuietly(temporary);
      }
    }
    return false;
  }
}

/** A copy of an earlier version of the same tables, which end in their version, serves nobody after an update. */
function withoutEarlier(copies: Checkpoint["copies"], name: string): Checkpoint["copies"] {
  const [of, version] = versionIn(name);
  const stays = (other: string) => {
    const [otherOf, otherVersion] = versionIn(other);
    return otherOf !== of || otherVersion >= version;
  };
  return Object.fromEntries(Object.entries(copies).filter(([other]) => stays(other)));
}

function versionIn(name: string): [of: string, version: number] {
  let start = name.length;
  while (start > 0 && /\d/.test(name.charAt(start - 1))) start--;
  return [name.slice(0, start), Number(name.slice(start))];
}

async function* partsOf(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.subarray(at, at + PART_BYTES - filled);
      part.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < PART_BYTES) continue;
      yield part;
      part = new Uint8Array(PART_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
