import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UnavailableError, S3UncertainError } from "../../../../s3/s3-errors.ts";
import { s3UrlOf } from "../../../../s3/s3-location.ts";
import type { GivenSecretName, KeptSecret, SecretChange, SecretName } from "../../secrets.ts";

const MAX_ATTEMPTS = 3;
/** Of a change, against those of other nodes. */
const MAX_CHANGES = 20;

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

export async function givenSecret(bucket: S3Bucket, name: GivenSecretName): Promise<Uint8Array | undefined> {
  return (await bucket.read(`secrets/${name}`))?.bytes;
}

/** Rejects as `sharedSecret` does. */
export async function changeSecret(
  bucket: S3Bucket,
  name: GivenSecretName,
  change: SecretChange,
): Promise<void> {
  const key = `secrets/${name}`;
  for (let attempt = 1; attempt <= MAX_CHANGES; attempt++) {
    const found = await bucket.read(key);
    const changed = change(found?.bytes);
    if (!changed) return;
    const condition = found ? { etag: found.etag } : ({ absent: true } as const);
    try {
      if ((await bucket.put(key, changed, { condition })).kind === "stored") return;
    } catch (error) {
      // Perhaps it was written: the change is then made once more, of what is there.
      if (!(error instanceof S3UncertainError)) throw error;
    }
  }
  throw new S3UnavailableError(`${s3UrlOf(bucket.client.location, key)} is changed by others all the time`);
}
