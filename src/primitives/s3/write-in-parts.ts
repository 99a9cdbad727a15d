import type { S3Bucket } from "./s3-bucket.ts";
import { S3Multipart } from "./s3-multipart.ts";
import type { UploadedPart } from "./s3-xml.ts";

/** Writes an object of parts, which are equal but for the last. Resolves with its size. Nothing is left of it if it fails. */
export async function writeInParts(
  bucket: S3Bucket,
  key: string,
  bodies: AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>,
): Promise<number> {
  const multipart = new S3Multipart(bucket);
  const upload = await multipart.start(key);
  try {
    const parts: UploadedPart[] = [];
    let bytes = 0;
    for await (const body of bodies) {
      const part = await multipart.putPart(upload, parts.length + 1, body);
      if (!part) throw new Error(`the upload of ${key} is gone`);
      parts.push(part);
      bytes += body.length;
    }
    const { kind } = await multipart.complete(upload, parts);
    if (kind !== "stored") throw new Error(`the upload of ${key} is ${kind}`);
    return bytes;
  } catch (error) {
    await multipart.abort(upload).catch(() => undefined);
    throw error;
  }
}
