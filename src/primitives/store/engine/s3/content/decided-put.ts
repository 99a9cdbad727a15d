import type { PutOutcome, S3Bucket, WriteCondition } from "../../../../s3/s3-bucket.ts";
import { S3UncertainError } from "../../../../s3/s3-errors.ts";

export interface DecidedPut {
  readonly key: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly condition: WriteCondition;
  /** `writer` must be in no other write. */
  readonly metadata: Readonly<Record<string, string>> & { readonly writer: string };
}

const MAX_ATTEMPTS = 4;

/**
 * A conditional write whose outcome is known: where the response was lost, it looks whether the object bears `writer`. Rejects
 * with `S3UncertainError` only if the store can't be asked either.
 */
export async function putDecided(
  bucket: S3Bucket,
  { key, body, condition, metadata }: DecidedPut,
): Promise<PutOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await bucket.put(key, body, { condition, metadata });
      // The one that was tried before may have been stored after all.
      if (outcome.kind === "stored" || attempt === 1) return outcome;
    } catch (error) {
      if (!(error instanceof S3UncertainError) || attempt >= MAX_ATTEMPTS) throw error;
    }
    const found = await bucket.head(key);
    if (found?.metadata["writer"] === metadata.writer) return { kind: "stored", etag: found.etag };
    const mayTryAgain = "absent" in condition ? !found : found?.etag === condition.etag;
    if (!mayTryAgain) return { kind: "refused" };
  }
}
