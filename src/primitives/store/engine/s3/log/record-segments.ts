import { messageOf } from "../../../../expected-error.ts";
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
    return decodeRecords(expand(object.bytes, key), key);
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
    let merged = lastOfEach(records);
    let first = from;
    let encoded = encode(merged);
    for (let last = kept.at(-1); last && joins(last, encoded); last = kept.at(-1)) {
      merged = lastOfEach([...(await this.read(last)), ...merged]);
      kept.pop();
      first = last.from;
      encoded = encode(merged);
    }
    // Before the first records there is nothing that could be unlinked.
    if (kept.length === 0) {
      first = 1;
      encoded = encode(merged.filter(({ kind }) => kind === "link"));
    }
    const name = `${first}-${to}-${crypto.randomUUID()}`;
    await this.#bucket.put(this.#keys.segment(name), encoded);
    return [...kept, { name, from: first, to, bytes: encoded.length }];
  }
}

function expand(bytes: Uint8Array<ArrayBuffer>, key: string): string {
  try {
    return Buffer.from(Bun.gunzipSync(bytes)).toString();
  } catch (cause) {
    throw new CorruptObjectError(key, `it does not inflate (${messageOf(cause)})`);
  }
}

const joins = ({ bytes }: RecordSegment, { length }: Uint8Array) =>
  bytes <= length * FACTOR && bytes + length <= MAX_BYTES;

const encode = (records: readonly S3LogRecord[]) => Bun.gzipSync(Buffer.from(encodeRecords(records)));

/** The last record of each scope and digest that counts, in their order; see `S3LogRecord`. */
function lastOfEach(records: readonly S3LogRecord[]): readonly S3LogRecord[] {
  const last = new Map<string, S3LogRecord>();
  for (const record of records) {
    const key = `${record.digest} ${record.scope}`;
    const before = last.get(key);
    const stays = before?.kind === "link" && before.seconds > record.seconds;
    last.delete(key);
    last.set(key, stays ? before : record);
  }
  return [...last.values()];
}
