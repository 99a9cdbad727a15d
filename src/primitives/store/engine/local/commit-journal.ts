import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory, syncFileData } from "../../../fs/durable.ts";
import { writeFullySync } from "../../../fs/files.ts";
import { CorruptObjectError } from "../../git/object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes } from "../../git/object-id.ts";
import type { EncodedEntry } from "../../git/pack.ts";

/** A move of the branch, with all that the new commits consist of. */
export interface JournalRecord {
  /** Where the branch was; `undefined`: nowhere yet. */
  readonly expected: ObjectId | undefined;
  readonly next: ObjectId;
  readonly entries: readonly EncodedEntry[];
}

const MAGIC = 0x45_56_4c_4b;
/** Magic number, length of the payload, era; then the payload, and the SHA-256 of all that. */
const ERA_AT = 8;
const ERA_BYTES = 16;
const HEADER_BYTES = ERA_AT + ERA_BYTES;
const CHECKSUM_BYTES = 32;
/** An entry's name and length. */
const ENTRY_HEADER_BYTES = OBJECT_ID_BYTES + 4;
/** Where the first record says what it moves the branch to; it is in one sector with its header. */
const FIRST_NEXT_AT = HEADER_BYTES + OBJECT_ID_BYTES;
/** In place of the name of a commit. */
const NOWHERE = "0".repeat(2 * OBJECT_ID_BYTES);
/** A journal that has grown beyond this gives its space back when it is cleared. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/**
 * Publications one after the other in a file: a record is durable after a single sync of its bytes. A cleared journal
 * keeps its size and is written over, which syncs in half the time that growing takes; records of one era follow each
 * other, and what an older one left behind them does not count.
 */
export class CommitJournal {
  readonly #fd: number;
  #era = newEra();
  #size = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Forgets what is in it. */
  static async open(path: string): Promise<CommitJournal> {
    const isNew = !existsSync(path);
    const fd = openSync(path, isNew ? "wx+" : "r+", 0o600);
    try {
      const journal = new CommitJournal(fd);
      if (isNew) await syncDirectory(dirname(path));
      else await journal.clear();
      return journal;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Bytes of all records. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the record would survive a power cut; one that can't be written leaves nothing behind. */
  async append(record: JournalRecord): Promise<void> {
    const bytes = encodeRecord(record, this.#era);
    try {
      writeFullySync(this.#fd, bytes, this.#size);
      await syncFileData(this.#fd);
    } catch (error) {
      this.#cutOff();
      throw error;
    }
    this.#size += bytes.length;
  }

  /** What could not be made durable may be there or not; the next record is written over it in either case. */
  #cutOff(): void {
    try {
      ftruncateSync(this.#fd, this.#size);
    } catch {
      // The failure before this one is the one to tell.
    }
  }

  /** Forgets all records, durably; where that fails, it must be tried again before anything is appended. */
  async clear(): Promise<void> {
    const fileSize = fstatSync(this.#fd).size;
    if (fileSize > MAX_KEPT_BYTES) ftruncateSync(this.#fd, 0);
    else if (fileSize > 0) writeFullySync(this.#fd, Buffer.alloc(HEADER_BYTES), 0);
    // Whether or not it is durable yet: behind a header that is gone nothing would be found any more.
    this.#size = 0;
    this.#era = newEra();
    await syncFileData(this.#fd);
  }

  close(): void {
    if (this.#size === 0) this.#cutOff();
    closeSync(this.#fd);
  }
}

/**
 * The records of a journal up to where a power cut broke it off. Throws `CorruptObjectError` if it is none of ours, or if
 * intact records lie behind a broken one: each was durable before the next was begun, so that no power cut does that.
 */
export function readJournal(path: string): JournalRecord[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  // No power cut leaves this behind, and what it holds has been acknowledged.
  if (bytes.length >= HEADER_BYTES && ![0, MAGIC].includes(bytes.readUInt32BE())) {
    throw new CorruptObjectError(
      path,
      "it does not begin as a journal of this version; the version that wrote it must be started once, or the store restored",
    );
  }
  const records: JournalRecord[] = [];
  const era = bytes.subarray(ERA_AT, HEADER_BYTES);
  let at = 0;
  for (let end = endOfRecord(bytes, 0); end !== undefined; end = endOfRecord(bytes, at)) {
    if (!eraAt(bytes, at).equals(era)) break;
    records.push(decodePayload(bytes.subarray(at + HEADER_BYTES, end - CHECKSUM_BYTES)));
    at = end;
  }
  const behind = intactBehind(bytes, at);
  if (behind !== undefined) {
    const reason = `the record at byte ${at} is broken, but the one at byte ${behind} is intact, and both were acknowledged`;
    throw new CorruptObjectError(
      path,
      `${reason}; restore the store from a backup, or remove this file to go on from the last commit that git sees`,
    );
  }
  return records;
}

const eraAt = (bytes: Buffer, at: number) => bytes.subarray(at + ERA_AT, at + HEADER_BYTES);

/** `undefined` unless a whole and sound record lies there. */
function endOfRecord(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < HEADER_BYTES || bytes.readUInt32BE(at) !== MAGIC) return undefined;
  const end = at + HEADER_BYTES + bytes.readUInt32BE(at + 4);
  if (end + CHECKSUM_BYTES > bytes.length) return undefined;
  const checksum = checksumOf(bytes.subarray(at, end));
  const isSound = Buffer.compare(checksum, bytes.subarray(end, end + CHECKSUM_BYTES)) === 0;
  return isSound ? end + CHECKSUM_BYTES : undefined;
}

/** Where the first record lies that can only have been written after the broken one at `broken`. */
function intactBehind(bytes: Buffer, broken: number): number | undefined {
  if (bytes.length < FIRST_NEXT_AT + OBJECT_ID_BYTES || bytes.readUInt32BE() === 0) return undefined;
  const era = eraAt(bytes, 0);
  // Of the first record, the era may be what is broken; the second then leads on from where it led.
  const next = broken === 0 ? bytes.subarray(FIRST_NEXT_AT, FIRST_NEXT_AT + OBJECT_ID_BYTES) : undefined;
  const magic = Buffer.alloc(4);
  magic.writeUInt32BE(MAGIC);
  for (let at = bytes.indexOf(magic, broken + 1); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    const expected = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + OBJECT_ID_BYTES);
    // Hashed only then: what clients push may hold the magic number as often as they like, but neither of these.
    const isLater = eraAt(bytes, at).equals(era) || next?.equals(expected);
    if (isLater && endOfRecord(bytes, at) !== undefined) return at;
  }
  return undefined;
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

function newEra(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(ERA_BYTES));
}

function checksumOf(record: Uint8Array): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(record).digest();
}

function encodeRecord({ expected, next, entries }: JournalRecord, era: Uint8Array): Uint8Array {
  const payloadBytes = entries.reduce(
    (sum, { bytes }) => sum + ENTRY_HEADER_BYTES + bytes.length,
    2 * OBJECT_ID_BYTES,
  );
  const record = Buffer.allocUnsafe(HEADER_BYTES + payloadBytes + CHECKSUM_BYTES);
  record.writeUInt32BE(MAGIC);
  record.writeUInt32BE(payloadBytes, 4);
  record.set(era, ERA_AT);
  record.write(expected ?? NOWHERE, HEADER_BYTES, "hex");
  record.write(next, HEADER_BYTES + OBJECT_ID_BYTES, "hex");
  let at = HEADER_BYTES + 2 * OBJECT_ID_BYTES;
  for (const { id, bytes } of entries) {
    record.write(id, at, "hex");
    record.writeUInt32BE(bytes.length, at + OBJECT_ID_BYTES);
    record.set(bytes, at + ENTRY_HEADER_BYTES);
    at += ENTRY_HEADER_BYTES + bytes.length;
  }
  record.set(checksumOf(record.subarray(0, at)), at);
  return record;
}

function decodePayload(payload: Buffer): JournalRecord {
  const idAt = (at: number) => objectIdFromBytes(payload.subarray(at, at + OBJECT_ID_BYTES));
  const expected = idAt(0);
  const entries: EncodedEntry[] = [];
  for (let at = 2 * OBJECT_ID_BYTES; at < payload.length; ) {
    const length = payload.readUInt32BE(at + OBJECT_ID_BYTES);
    const start = at + ENTRY_HEADER_BYTES;
    entries.push({ id: idAt(at), bytes: payload.subarray(start, start + length) });
    at = start + length;
  }
  return {
    expected: expected === NOWHERE ? undefined : expected,
    next: idAt(OBJECT_ID_BYTES),
    entries,
  };
}
