import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory, syncFileData } from "./durable.ts";
import { writeFullySync } from "./files.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes, objectIdToBytes } from "./git/object-id.ts";
import type { EncodedEntry } from "./git/pack.ts";

/** A move of the branch, with all that the new commits consist of. */
export interface JournalRecord {
  /** Where the branch was; `undefined`: nowhere yet. */
  readonly expected: ObjectId | undefined;
  readonly next: ObjectId;
  readonly entries: readonly EncodedEntry[];
}

const MAGIC = 0x45_56_4c_4a;
/** Magic number and length of what follows, then that, then its SHA-256. */
const HEADER_BYTES = 8;
const CHECKSUM_BYTES = 32;
const NOWHERE = Buffer.alloc(OBJECT_ID_BYTES);

/** Publications one after the other in a file: a record is durable after a single sync of its bytes. */
export class CommitJournal {
  readonly #fd: number;
  #size: number;

  private constructor(fd: number) {
    this.#fd = fd;
    this.#size = fstatSync(fd).size;
  }

  static async open(path: string): Promise<CommitJournal> {
    const isNew = !existsSync(path);
    const journal = new CommitJournal(openSync(path, isNew ? "wx+" : "r+", 0o600));
    if (isNew) await syncDirectory(dirname(path));
    return journal;
  }

  /** Bytes of all records. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the record would survive a power cut; one that can't be written leaves nothing behind. */
  async append(record: JournalRecord): Promise<void> {
    const bytes = encodeRecord(record);
    try {
      writeFullySync(this.#fd, bytes, this.#size);
      await syncFileData(this.#fd);
    } catch (error) {
      ftruncateSync(this.#fd, this.#size);
      throw error;
    }
    this.#size += bytes.length;
  }

  /** Forgets all records, durably. */
  async clear(): Promise<void> {
    if (this.#size === 0) return;
    ftruncateSync(this.#fd, 0);
    this.#size = 0;
    await syncFileData(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The records of a journal up to where a power cut broke it off. */
export function readJournal(path: string): JournalRecord[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const records: JournalRecord[] = [];
  for (let at = 0; bytes.length - at >= HEADER_BYTES; ) {
    const length = bytes.readUInt32BE(at + 4);
    const end = at + HEADER_BYTES + length;
    if (bytes.readUInt32BE(at) !== MAGIC || end + CHECKSUM_BYTES > bytes.length) break;
    const payload = bytes.subarray(at + HEADER_BYTES, end);
    if (Buffer.compare(checksumOf(payload), bytes.subarray(end, end + CHECKSUM_BYTES)) !== 0) break;
    records.push(decodePayload(payload));
    at = end + CHECKSUM_BYTES;
  }
  return records;
}

/**
 * Those records that lead from `head` to where the last one leads; `undefined` if none does so. Empty if the branch is
 * there already.
 */
export function recordsAfter(
  head: ObjectId | undefined,
  records: readonly JournalRecord[],
): readonly JournalRecord[] | undefined {
  const last = records.at(-1);
  if (!last || last.next === head) return [];
  const chain: JournalRecord[] = [];
  // Backwards: a record that could not be made durable may lie before the one that was written in its place.
  let wanted: ObjectId | undefined = last.next;
  for (const record of records.toReversed()) {
    if (record.next !== wanted) continue;
    chain.unshift(record);
    if (record.expected === head) return chain;
    wanted = record.expected;
  }
  return undefined;
}

function checksumOf(payload: Uint8Array): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(payload).digest();
}

function encodeRecord({ expected, next, entries }: JournalRecord): Uint8Array {
  const pieces: Uint8Array[] = [expected ? objectIdToBytes(expected) : NOWHERE, objectIdToBytes(next)];
  for (const { id, bytes } of entries) {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(bytes.length);
    pieces.push(objectIdToBytes(id), length, bytes);
  }
  const payload = Buffer.concat(pieces);
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(MAGIC);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload, checksumOf(payload)]);
}

function decodePayload(payload: Buffer): JournalRecord {
  const idAt = (at: number) => payload.subarray(at, at + OBJECT_ID_BYTES);
  const expected = idAt(0);
  const entries: EncodedEntry[] = [];
  for (let at = 2 * OBJECT_ID_BYTES; at < payload.length; ) {
    const length = payload.readUInt32BE(at + OBJECT_ID_BYTES);
    const start = at + OBJECT_ID_BYTES + 4;
    entries.push({ id: objectIdFromBytes(idAt(at)), bytes: payload.subarray(start, start + length) });
    at = start + length;
  }
  return {
    expected: expected.equals(NOWHERE) ? undefined : objectIdFromBytes(expected),
    next: objectIdFromBytes(idAt(OBJECT_ID_BYTES)),
    entries,
  };
}
