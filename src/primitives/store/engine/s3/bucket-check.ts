import { ExpectedError } from "../../../expected-error.ts";
import type { S3Bucket } from "../../../s3/s3-bucket.ts";
import { S3UncertainError } from "../../../s3/s3-errors.ts";
import { s3UrlOf } from "../../../s3/s3-location.ts";
import { probeConditions } from "../../../s3/s3-probe.ts";

const KEY = "everlock.json";
/** The layout of the bucket; see `S3Engine`. */
const FORMAT = 1;
const MAX_ATTEMPTS = 3;

/** What is in the bucket is not what this version of Everlock keeps there. */
export class ForeignBucketError extends ExpectedError {
  override readonly name = "ForeignBucketError";
  override readonly kind = "unusable";
}

/**
 * Checks that the object store decides conditional writes, and that the bucket has the layout that this version knows; the
 * first node says so in the bucket. Resolves with the identity of what is there: another one after the bucket was emptied.
 * Rejects with `S3RefusedError`, `S3UnavailableError` or `ForeignBucketError`.
 */
export async function checkBucket(bucket: S3Bucket): Promise<string> {
  // Read first: wrong keys or a missing bucket are found by one request.
  const found = await bucket.read(KEY);
  await probeConditions(bucket);
  const text = found ? Buffer.from(found.bytes).toString() : await markFormat(bucket);
  const layout = parseLayout(text);
  const place = s3UrlOf(bucket.client.location, KEY);
  if (layout === undefined) throw new ForeignBucketError(`${place} is not a file of Everlock's`);
  if (layout.format > FORMAT)
    throw new ForeignBucketError(`${place} was written by a newer version of Everlock; update this node`);
  return layout.id;
}

/** Resolves with what is in the bucket then, which another node may have written. */
async function markFormat(bucket: S3Bucket): Promise<string> {
  const text = `${JSON.stringify({ format: FORMAT, id: crypto.randomUUID() })}\n`;
  for (let attempt = 1; ; attempt++) {
    try {
      await bucket.put(KEY, new Uint8Array(Buffer.from(text)), { condition: { absent: true } });
    } catch (error) {
      if (!(error instanceof S3UncertainError) || attempt >= MAX_ATTEMPTS) throw error;
    }
    const found = await bucket.read(KEY);
    if (found) return Buffer.from(found.bytes).toString();
  }
}

interface Layout {
  readonly format: number;
  readonly id: string;
}

function parseLayout(text: string): Layout | undefined {
  try {
    const { format, id } = JSON.parse(text) as { readonly format?: unknown; readonly id?: unknown };
    const isFormat = typeof format === "number" && Number.isSafeInteger(format) && format > 0;
    return isFormat && typeof id === "string" && id !== "" ? { format, id } : undefined;
  } catch {
    return undefined;
  }
}
