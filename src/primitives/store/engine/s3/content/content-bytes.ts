import type { S3Bucket } from "../../../../s3/s3-bucket.ts";

/** About how many bytes the blobs of a store have: the objects of large ones, which only name others, are few bytes. */
export async function contentBytesIn(bucket: S3Bucket, store: string): Promise<number> {
  let bytes = 0;
  for (const part of ["blobs", "data"])
    for await (const page of bucket.list(`stores/${store}/${part}/`))
      bytes = page.reduce((sum, { size }) => sum + size, bytes);
  return bytes;
}
