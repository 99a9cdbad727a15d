import { Readable } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { messageOf } from "../../../../expected-error.ts";
import { inTurns } from "../../../../jobs/in-turns.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { RecordSegment } from "./checkpoint.ts";
import { decodeRecords, encodeRecords, type S3LogRecord } from "./log-entry.ts";
import type { LogKeys } from "./log-keys.ts";
import { PackGoneError } from "./pack-pieces.ts";

/** Bytes of a segment above which it is merged no further. */
const MAX_BYTES = 64 * 1024 * 1024;
/** A segment joins a merge unless it has so many times the bytes of what it is merged with. */
const FACTOR = 2;
/** What is handled at once, so that the thread is not blocked for long. */
const PIECE_BYTES = 256 * 1024;
const STEP_RECORDS = 2000;
const NEWLINE = 0x0a;

/** The records of merged entries, as objects. */
export class RecordSegments {
  readonly #bucket: S3Bucket;
  readonly #keys: LogKeys;

  constructor(bucket: S3Bucket, keys: LogKeys) {
    this.#bucket = bucket;
    this.#keys = keys;
  }

  /** Throws `CorruptObjectError`, and `PackGoneError` if a newer checkpoint has them elsewhere. */
  async read({ name }: RecordSegment): Promise<readonly S3LogRecord[]> {
    const key = this.#keys.segment(name);
    const object = await this.#bucket.read(key);
    if (!object) throw new PackGoneError(`${key} is gone`);
    return decode(object.bytes, key);
  }

  /** Adds the records of the entries `from` to `to`: to the last segments, if they are small, or as another one. */
  async append(
    segments: readonly RecordSegment[],
    records: readonly S3LogRecord[],
    from: number,
    to: number,
  ): Promise<readonly RecordSegment[]> {
    if (records.length === 0) return segments;
    const kept = [...segments];
    let merged = await inTurns(lastOfEach(records));
    let first = from;
    let encoded = await encode(merged);
    for (let last = kept.at(-1); last && joins(last, encoded); last = kept.at(-1)) {
      merged = await inTurns(lastOfEach(await this.read(last), merged));
      kept.pop();
      first = last.from;
      encoded = await encode(merged);
    }
    // Before the first records there is nothing that could be unlinked.
    if (kept.length === 0) {
      first = 1;
      encoded = await encode(merged.filter(({ kind }) => kind === "link"));
    }
    const name = `${first}-${to}-${crypto.randomUUID()}`;
    await this.#bucket.put(this.#keys.segment(name), encoded);
    return [...kept, { name, from: first, to, bytes: encoded.length }];
  }
}

const joins = ({ bytes }: RecordSegment, { length }: Uint8Array) =>
  bytes <= length * FACTOR && bytes + length <= MAX_BYTES;

/** Inflates and reads a segment piece by piece: it may have a million records. */
async function decode(bytes: Uint8Array<ArrayBuffer>, key: string): Promise<readonly S3LogRecord[]> {
  const records: S3LogRecord[] = [];
  const inflating = createGunzip({ chunkSize: PIECE_BYTES });
  inflating.end(bytes);
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of inflating) {
      const piece = Buffer.concat([rest, chunk as Buffer]);
      const end = piece.lastIndexOf(NEWLINE) + 1;
      for (const record of decodeRecords(piece.toString("utf8", 0, end), key)) records.push(record);
      rest = piece.subarray(end);
    }
  } catch (cause) {
    if (cause instanceof CorruptObjectError) throw cause;
    throw new CorruptObjectError(key, `it does not inflate (${messageOf(cause)})`);
  }
  if (rest.length > 0) throw new CorruptObjectError(key, "it breaks off");
  return records;
}

async function encode(records: readonly S3LogRecord[]): Promise<Uint8Array<ArrayBuffer>> {
  const pieces = function* () {
    for (let at = 0; at < records.length; at += STEP_RECORDS)
      yield Buffer.from(encodeRecords(records.slice(at, at + STEP_RECORDS)));
  };
  const deflated = await Array.fromAsync(Readable.from(pieces()).pipe(createGzip()));
  return new Uint8Array(Buffer.concat(deflated));
}

/** The last record of each scope and digest that counts, in their order; see `S3LogRecord`. */
function* lastOfEach(...lists: readonly (readonly S3LogRecord[])[]): Generator<void, readonly S3LogRecord[]> {
  const last = new Map<string, S3LogRecord>();
  for (const records of lists) {
    for (const [i, record] of records.entries()) {
      const key = `${record.digest} ${record.scope}`;
      const before = last.get(key);
      const stays = before?.kind === "link" && before.seconds > record.seconds;
      last.delete(key);
      last.set(key, stays ? before : record);
      if (i % STEP_RECORDS === 0) yield;
    }
  }
  return [...last.values()];
}
