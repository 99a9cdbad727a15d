import type { S3Bucket } from "../../../s3/s3-bucket.ts";
import { s3UrlOf } from "../../../s3/s3-location.ts";
import { ForeignBucketError } from "./foreign-bucket.ts";

const KEY = "everlock.json";
/** The layout of the bucket; see `S3Engine`. */
const FORMAT = 1;

/** A copy to the bucket that is not finished. */
export interface UnfinishedCopy {
  /** What is copied: a directory or a URL. */
  readonly from: string;
  /** Names the process that copies. */
  readonly by: string;
}

/** What the bucket says of itself. */
export interface BucketLayout {
  /** Another one after the bucket was emptied. */
  readonly id: string;
  readonly copying: UnfinishedCopy | undefined;
}

export interface ReadLayout extends BucketLayout {
  readonly etag: string;
}

/** Names the object, for messages. */
export function layoutPlace(bucket: S3Bucket): string {
  return s3UrlOf(bucket.client.location, KEY);
}

/** `undefined` if the bucket has none. Rejects with `ForeignBucketError` for one that this version does not know. */
export async function readLayout(bucket: S3Bucket): Promise<ReadLayout | undefined> {
  const found = await bucket.read(KEY);
  if (!found) return undefined;
  const layout = parse(Buffer.from(found.bytes).toString());
  const place = layoutPlace(bucket);
  if (layout === undefined) throw new ForeignBucketError(`${place} is not a file of Everlock's`);
  if (layout.format > FORMAT)
    throw new ForeignBucketError(`${place} was written by a newer version of Everlock; update this node`);
  return { id: layout.id, copying: layout.copying, etag: found.etag };
}

/** Writes the layout: a first one, or in place of the one that was read. See `S3Bucket.put`. */
export function putLayout(bucket: S3Bucket, { id, copying }: BucketLayout, replaced?: ReadLayout) {
  const text = `${JSON.stringify({ format: FORMAT, id, ...(copying && { copying }) })}\n`;
  const condition = replaced ? { etag: replaced.etag } : ({ absent: true } as const);
  return bucket.put(KEY, new Uint8Array(Buffer.from(text)), { condition });
}

interface ParsedLayout extends BucketLayout {
  readonly format: number;
}

function parse(text: string): ParsedLayout | undefined {
  try {
    const { format, id, copying } = JSON.parse(text) as { readonly [name: string]: unknown };
    if (typeof format !== "number" || !Number.isSafeInteger(format) || format < 1) return undefined;
    if (typeof id !== "string" || id === "") return undefined;
    return { format, id, copying: copying === undefined ? undefined : parseCopying(copying) };
  } catch {
    return undefined;
  }
}

function parseCopying(value: unknown): UnfinishedCopy {
  const { from, by } = (value ?? {}) as { readonly from?: unknown; readonly by?: unknown };
  return { from: String(from), by: String(by) };
}
