import type { Digest } from "../../src/primitives/digest.ts";
import type { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { ContentKeys } from "../../src/primitives/store/engine/s3/content/content-keys.ts";
import type { PartMemory } from "../../src/primitives/store/engine/s3/content/part-memory.ts";
import { S3Blobs, type S3BlobsOptions } from "../../src/primitives/store/engine/s3/content/s3-blobs.ts";
import { S3Uploads } from "../../src/primitives/store/engine/s3/content/s3-uploads.ts";
import type { UploadId } from "../../src/primitives/store/engine/upload-id.ts";
import type { Upload } from "../../src/primitives/store/engine/uploads.ts";
import { type ContentEngine, openContent, SCOPE, STORE } from "../primitives/store/contract/engines.ts";
import { TroubledClient } from "./s3-node.ts";

/** The content of one node over a bucket. */
export function contentEngine(
  bucket: S3Bucket,
  { memory, ...options }: Partial<S3BlobsOptions> & { readonly memory?: PartMemory } = {},
): ContentEngine {
  return {
    create: async () => undefined,
    openContent: async (store, { onDamage, locks, sessions }) => {
      const blobs = new S3Blobs({ bucket, store, onDamage, ...options });
      const { now } = options;
      return {
        blobs,
        uploads: new S3Uploads({
          bucket,
          store,
          blobs,
          locks,
          sessions,
          ...(now && { now }),
          ...(memory && { memory }),
        }),
      };
    },
  };
}

/** Flips a bit of a blob's bytes, wherever they lie. */
export async function damageBlob(bucket: S3Bucket, digest: Digest): Promise<void> {
  const keys = new ContentKeys(STORE);
  const blob = await bucket.head(keys.blob(digest));
  const data = blob?.metadata["data"];
  const key = data === undefined ? keys.blob(digest) : keys.data(data);
  const read = await bucket.read(key);
  if (!read) throw new Error(`there is no object ${key}`);
  read.bytes[0] = (read.bytes[0] ?? 0) ^ 1;
  await bucket.put(key, read.bytes, { metadata: read.metadata });
}

/** The keys of all objects below the bucket's prefix. */
export async function keysIn(bucket: S3Bucket, prefix = ""): Promise<string[]> {
  return (await Array.fromAsync(bucket.list(prefix))).flat().map(({ key }) => key);
}

/** The content of one node, whose network fails when a test says so. */
export async function contentNode(
  location: S3Location,
  options: Partial<S3BlobsOptions> & { readonly memory?: PartMemory } = {},
) {
  const client = new TroubledClient(location);
  const content = await openContent(contentEngine(client.bucket(), options));
  const find = async (id: UploadId): Promise<Upload> => {
    const upload = await content.uploads.find(id, SCOPE);
    if (!upload) throw new Error("there is no such session");
    return upload;
  };
  return { ...content, client, find };
}

export type ContentNode = Awaited<ReturnType<typeof contentNode>>;
