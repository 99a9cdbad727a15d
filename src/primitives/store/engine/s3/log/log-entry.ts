import { type Digest, parseDigest } from "../../../../digest.ts";
import { ExpectedError } from "../../../../expected-error.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes, parseObjectId } from "../../../git/object-id.ts";
import type { EncodedEntry } from "../../../git/pack.ts";

/**
 * A change of the links of a store. A link is as young as its youngest record; an unlink removes those that are no younger
 * than itself, so that one that another node makes meanwhile stays.
 */
export interface S3LogRecord {
  readonly kind: "link" | "unlink";
  readonly scope: string;
  readonly digest: Digest;
  /** When, in seconds since the epoch. */
  readonly seconds: number;
}

/** An entry of the log: what one conditional write makes durable. */
export interface LogEntry {
  /** Who wrote it, and a value that no other entry has: after an uncertain write they tell whose entry is there. */
  readonly node: string;
  readonly nonce: string;
  /** Where the branch was and where it is now; without it, the entry leaves the branch where it is. */
  readonly move?: { readonly expected: ObjectId | undefined; readonly next: ObjectId };
  readonly objects: readonly EncodedEntry[];
  readonly records: readonly S3LogRecord[];
}

/** The entry was written by a version of Everlock that this one does not understand. */
export class NewerFormatError extends ExpectedError {
  override readonly name = "NewerFormatError";
  constructor(subject: string) {
    super(`${subject} was written by a newer version of Everlock; update this node`, { kind: "unusable" });
  }
}

const MAGIC = 0x45_56_4c_47;
const FORMAT = 1;
/** Magic number and length of the header; then the header, the objects, the records, and the SHA-256 of all that. */
const FIXED_BYTES = 8;
const CHECKSUM_BYTES = 32;
/** An object's name and length. */
const OBJECT_HEADER_BYTES = OBJECT_ID_BYTES + 4;

interface Header {
  readonly format: number;
  readonly node: string;
  readonly nonce: string;
  /** `before` is null where the branch did not exist. */
  readonly move?: { readonly before: string | null; readonly after: string };
  readonly objects: number;
  readonly records: number;
}

export function encodeLogEntry(entry: LogEntry): Uint8Array<ArrayBuffer> {
  const { node, nonce, move, objects, records } = entry;
  const header: Header = {
    format: FORMAT,
    node,
    nonce,
    ...(move && { move: { before: move.expected ?? null, after: move.next } }),
    objects: objects.length,
    records: records.length,
  };
  const headerBytes = Buffer.from(JSON.stringify(header));
  const recordBytes = Buffer.from(encodeRecords(records));
  const objectBytes = objects.reduce((sum, { bytes }) => sum + OBJECT_HEADER_BYTES + bytes.length, 0);
  const end = FIXED_BYTES + headerBytes.length + objectBytes + recordBytes.length;
  const encoded = Buffer.allocUnsafeSlow(end + CHECKSUM_BYTES);
  encoded.writeUInt32BE(MAGIC);
  encoded.writeUInt32BE(headerBytes.length, 4);
  encoded.set(headerBytes, FIXED_BYTES);
  let at = FIXED_BYTES + headerBytes.length;
  for (const { id, bytes } of objects) {
    encoded.write(id, at, "hex");
    encoded.writeUInt32BE(bytes.length, at + OBJECT_ID_BYTES);
    encoded.set(bytes, at + OBJECT_HEADER_BYTES);
    at += OBJECT_HEADER_BYTES + bytes.length;
  }
  encoded.set(recordBytes, at);
  encoded.set(checksumOf(encoded.subarray(0, end)), end);
  return encoded;
}

/** `subject` names the entry in errors. Throws `CorruptObjectError` and `NewerFormatError`. */
export function decodeLogEntry(bytes: Uint8Array<ArrayBuffer>, subject: string): LogEntry {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = buffer.length - CHECKSUM_BYTES;
  if (end < FIXED_BYTES || buffer.readUInt32BE() !== MAGIC)
    throw new CorruptObjectError(subject, "it is no log entry");
  if (Buffer.compare(checksumOf(buffer.subarray(0, end)), buffer.subarray(end)) !== 0)
    throw new CorruptObjectError(subject, "its content does not match its checksum");
  const objectsAt = FIXED_BYTES + buffer.readUInt32BE(4);
  const header = JSON.parse(buffer.toString("utf8", FIXED_BYTES, objectsAt)) as Header;
  if (header.format !== FORMAT) throw new NewerFormatError(subject);
  let at = objectsAt;
  const objects = Array.from({ length: header.objects }, (): EncodedEntry => {
    const id = objectIdFromBytes(buffer.subarray(at, at + OBJECT_ID_BYTES));
    const from = at + OBJECT_HEADER_BYTES;
    at = from + buffer.readUInt32BE(at + OBJECT_ID_BYTES);
    return { id, bytes: buffer.subarray(from, at) };
  });
  return {
    node: header.node,
    nonce: header.nonce,
    ...(header.move && { move: moveOf(header.move, subject) }),
    objects,
    records: decodeRecords(buffer.toString("utf8", at, end), subject),
  };
}

/** A line of JSON for each record. */
export function encodeRecords(records: readonly S3LogRecord[]): string {
  return records
    .map(({ kind, scope, digest, seconds }) => `${JSON.stringify([kind, scope, digest, seconds])}\n`)
    .join("");
}

export function decodeRecords(text: string, subject: string): S3LogRecord[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [kind, scope, name, seconds] = JSON.parse(line) as readonly unknown[];
      const digest = parseDigest(String(name));
      if ((kind !== "link" && kind !== "unlink") || digest === undefined)
        throw new CorruptObjectError(subject, "it has a record that is none");
      return { kind, scope: String(scope), digest, seconds: Number(seconds) };
    });
}

function moveOf({ before, after }: NonNullable<Header["move"]>, subject: string): LogEntry["move"] & {} {
  const next = parseObjectId(after);
  const expected = before === null ? undefined : parseObjectId(before);
  if (next === undefined || (before !== null && expected === undefined))
    throw new CorruptObjectError(subject, "its commits have no ids");
  return { expected, next };
}

function checksumOf(bytes: Uint8Array): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(bytes).digest();
}
