import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UncertainError } from "../../../../s3/s3-errors.ts";
import { s3UrlOf } from "../../../../s3/s3-location.ts";
import type { KeptSecret, SecretName } from "../../secrets.ts";

const MAX_ATTEMPTS = 3;

/**
 * Reads a secret that all nodes share, or creates it: of many nodes that start at the same time, all get the secret of the
 * one that was first. Rejects with `S3UnavailableError`, `S3UncertainError` or `S3RefusedError`.
 */
export async function sharedSecret(
  bucket: S3Bucket,
  name: SecretName,
  generate: () => Promise<Uint8Array<ArrayBuffer>>,
): Promise<KeptSecret> {
  const key = `secrets/${name}`;
  const place = s3UrlOf(bucket.client.location, key);
  let generated: Uint8Array<ArrayBuffer> | undefined;
  for (let attempt = 1; ; attempt++) {
    const found = await bucket.read(key);
    if (found) return { bytes: found.bytes, place };
    generated ??= await generate();
    try {
      await bucket.put(key, generated, { condition: { absent: true } });
    } catch (error) {
      // Perhaps it was written.
      if (!(error instanceof S3UncertainError) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}
