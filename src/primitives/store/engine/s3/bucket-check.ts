import type { S3Bucket } from "../../../s3/s3-bucket.ts";
import { S3UncertainError } from "../../../s3/s3-errors.ts";
import { s3UrlOf } from "../../../s3/s3-location.ts";
import { probeConditions } from "../../../s3/s3-probe.ts";
import { type BucketLayout, putLayout, readLayout } from "./bucket-layout.ts";
import { ForeignBucketError } from "./foreign-bucket.ts";

const MAX_ATTEMPTS = 3;

/**
 * Checks that the object store decides conditional writes, and that the bucket has the layout that this version knows; the
 * first node says so in the bucket. Resolves with the identity of what is there: another one after the bucket was emptied.
 * Rejects with `S3RefusedError`, `S3UnavailableError` or `ForeignBucketError`.
 */
export async function checkBucket(bucket: S3Bucket): Promise<string> {
  // Read first: wrong keys or a missing bucket are found by one request.
  const found = await readLayout(bucket);
  if (found) refuseUnfinishedCopy(bucket, found);
  await probeConditions(bucket);
  const layout = found ?? (await markFormat(bucket));
  refuseUnfinishedCopy(bucket, layout);
  return layout.id;
}

/** Like `checkBucket`, for what only uses a bucket that nodes have used before. */
export async function checkUsedBucket(bucket: S3Bucket): Promise<string> {
  const layout = await readLayout(bucket);
  const place = s3UrlOf(bucket.client.location, "");
  if (!layout) throw new ForeignBucketError(`there is nothing of Everlock's in ${place}`);
  refuseUnfinishedCopy(bucket, layout);
  return layout.id;
}

function refuseUnfinishedCopy(bucket: S3Bucket, { copying }: BucketLayout): void {
  if (!copying) return;
  const place = s3UrlOf(bucket.client.location, "");
  throw new ForeignBucketError(
    `${place} has a copy of ${copying.from} that is not finished; 'everlock storage copy ${copying.from} ${place}' resumes it`,
  );
}

/** Resolves with what is in the bucket then, which another node may have written. */
async function markFormat(bucket: S3Bucket): Promise<BucketLayout> {
  const layout = { id: crypto.randomUUID(), copying: undefined };
  for (let attempt = 1; ; attempt++) {
    try {
      await putLayout(bucket, layout);
    } catch (error) {
      if (!(error instanceof S3UncertainError) || attempt >= MAX_ATTEMPTS) throw error;
    }
    const found = await readLayout(bucket);
    if (found) return found;
  }
}
