import type { S3Object } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import type { BlobStat } from "../../blobs.ts";

/** Bytes of a data object from its beginning. */
export interface Segment {
  /** Of the data object; see `ContentKeys.data`. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Why a blob counts as absent although its object exists. `removed`: a collector looks whether it is needed; a new push may
 * replace it. `deleting`: nobody may write it until its object is gone. `damaged`: its bytes are wrong; a new push replaces it.
 */
export type Absence = "removed" | "deleting" | "damaged";

/**
 * Where the bytes of a blob lie. `here`: they are the object. `kept`: behind the first line of the object, of a blob that is
 * absent. `list`: in data objects that the first line lists. Otherwise in one data object.
 */
export type BlobPlace = "here" | "kept" | "list" | { readonly name: string };

/** What the object of a blob says of it. */
export interface BlobObject {
  /** Bytes of the blob. */
  readonly size: number;
  readonly etag: string;
  /** By the store's clock. */
  readonly modified: Date;
  readonly place: BlobPlace;
  readonly absence: Absence | undefined;
}

/** A write of the object of a blob. */
export interface BlobWrite {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly metadata: Readonly<Record<string, string>> & { readonly writer: string };
}

type Bytes = Uint8Array<ArrayBuffer>;

const [KEPT, LIST] = ["kept", "list"];
const NEWLINE = 0x0a;

export function parseBlobObject({ size, etag, modified, metadata }: S3Object): BlobObject {
  const { data, size: stated, absence } = metadata;
  return {
    size: stated === undefined ? size : Number(stated),
    etag,
    modified,
    place: placeOf(data),
    absence: absence === "removed" || absence === "deleting" || absence === "damaged" ? absence : undefined,
  };
}

export function statOf({ size, modified }: BlobObject): BlobStat {
  return { size, isSealed: true, placed: modified };
}

/** A blob of these bytes, or of those that lie in data objects. */
export function writeBlob(blob: Bytes | readonly Segment[], writer: string): BlobWrite {
  if (blob instanceof Uint8Array) return { body: blob, metadata: { writer } };
  const size = String(blob.reduce((sum, segment) => sum + segment.size, 0));
  const [first, ...more] = blob;
  return first && more.length === 0
    ? { body: line({ writer }), metadata: { writer, size, data: first.name } }
    : { body: line({ writer, segments: blob }), metadata: { writer, size, data: LIST } };
}

/**
 * The same blob, absent or present again; `body` is what its object holds now. The bytes of each write differ, because the
 * ETag that the next one expects is made of them alone.
 */
export function writeMarked(
  { size, place }: BlobObject,
  body: Bytes,
  absence: Absence | undefined,
  writer: string,
): BlobWrite {
  const common = { writer, ...(absence !== undefined && { absence }) };
  if (place === "here" || place === "kept") {
    const bytes = place === "here" ? body : body.subarray(body.indexOf(NEWLINE) + 1);
    if (absence === undefined) return { body: new Uint8Array(bytes), metadata: common };
    return {
      body: new Uint8Array(
        Buffer.concat([line({ writer }), absence === "deleting" ? Buffer.alloc(0) : bytes]),
      ),
      metadata: { ...common, size: String(size), data: KEPT },
    };
  }
  const metadata = { ...common, size: String(size), data: place === "list" ? LIST : place.name };
  return { body: line({ writer, ...(place === "list" && { segments: segmentsIfAny(body) }) }), metadata };
}

/** The segments that the object of a blob lists; `key` names it. Throws `CorruptObjectError`. */
export function listedSegments(body: Bytes, key: string): Segment[] {
  const end = body.indexOf(NEWLINE);
  try {
    const { segments } = JSON.parse(Buffer.from(body.subarray(0, Math.max(end, 0))).toString());
    return parseSegments(segments);
  } catch {
    throw new CorruptObjectError(key, "it does not list where the bytes of the blob are");
  }
}

/** Like `listedSegments`; none if it is damaged, so that the object can be replaced. */
export function segmentsIfAny(body: Bytes): readonly Segment[] {
  try {
    return listedSegments(body, "");
  } catch {
    return [];
  }
}

/** Throws for what is no list of segments. */
export function parseSegments(value: unknown): Segment[] {
  if (!Array.isArray(value)) throw new Error("the list of segments is none");
  return value.map((entry: unknown) => {
    const { name, size } = (entry ?? {}) as { name?: unknown; size?: unknown };
    if (typeof name !== "string" || !Number.isSafeInteger(size) || Number(size) < 0)
      throw new Error("the list of segments is none");
    return { name, size: Number(size) };
  });
}

function placeOf(data: string | undefined): BlobPlace {
  if (data === undefined) return "here";
  return data === "kept" || data === "list" ? data : { name: data };
}

function line(value: object): Bytes {
  return new Uint8Array(Buffer.from(`${JSON.stringify(value)}\n`));
}
