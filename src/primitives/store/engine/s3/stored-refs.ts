import type { S3Bucket } from "../../../s3/s3-bucket.ts";
import type { ObjectId } from "../../git/object-id.ts";
import { parsePackedRefs } from "../../git/packed-refs.ts";

/** Refs of a repository that was copied to the bucket, beside its branch; nodes do not use them. */
const keyOf = (store: string) => `stores/${store}/refs`;

export async function readStoredRefs(
  bucket: S3Bucket,
  store: string,
): Promise<ReadonlyMap<string, ObjectId>> {
  const found = await bucket.read(keyOf(store));
  return found ? parsePackedRefs(Buffer.from(found.bytes).toString(), keyOf(store)) : new Map();
}

export async function writeStoredRefs(
  bucket: S3Bucket,
  store: string,
  refs: ReadonlyMap<string, ObjectId>,
): Promise<void> {
  if (refs.size === 0) return bucket.remove(keyOf(store));
  const text = [...refs].map(([ref, id]) => `${id} ${ref}\n`).join("");
  await bucket.put(keyOf(store), new Uint8Array(Buffer.from(text)));
}
