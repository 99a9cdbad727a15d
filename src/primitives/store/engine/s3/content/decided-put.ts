import { messageOf } from "../../../../expected-error.ts";
import type { PutOutcome, S3Bucket, S3Object, WriteCondition } from "../../../../s3/s3-bucket.ts";
import { S3UncertainError } from "../../../../s3/s3-errors.ts";

export interface DecidedPut {
  readonly key: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly condition: WriteCondition;
  /** `writer` must be in no other write. */
  readonly metadata: Readonly<Record<string, string>> & { readonly writer: string };
  /** See `S3Request`. */
  readonly signedAt?: Date;
}

const MAX_ATTEMPTS = 4;

/**
 * A conditional write whose outcome is known: where the response was lost, it looks whether the object bears `writer`. It does
 * so after each refusal too, the first one included: `fetch` itself sends a request again when a kept connection is closed
 * before the response, and then the second one is refused because the first one was done. Rejects with `S3UncertainError` if
 * the store can't be asked either.
 */
export async function putDecided(
  bucket: S3Bucket,
  { key, body, ...options }: DecidedPut,
): Promise<PutOutcome> {
  const { condition, metadata } = options;
  for (let attempt = 1; ; attempt++) {
    let isRefused = false;
    try {
      const outcome = await bucket.put(key, body, options);
      if (outcome.kind === "stored") return outcome;
      isRefused = true;
    } catch (error) {
      if (!(error instanceof S3UncertainError) || attempt >= MAX_ATTEMPTS) throw error;
    }
    const found = await look(bucket, key);
    if (found?.metadata["writer"] === metadata.writer) return { kind: "stored", etag: found.etag };
    const mayTryAgain = !isRefused && ("absent" in condition ? !found : found?.etag === condition.etag);
    if (!mayTryAgain) return { kind: "refused" };
  }
}

async function look(bucket: S3Bucket, key: string): Promise<S3Object | undefined> {
  try {
    return await bucket.head(key);
  } catch (cause) {
    throw new S3UncertainError(messageOf(cause), { cause });
  }
}
