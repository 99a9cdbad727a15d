import type { Digest } from "../../../../digest.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UnavailableError } from "../../../../s3/s3-errors.ts";
import { type BlobObject, type Segment, writeBlob } from "./blob-object.ts";
import type { BlobRemoval } from "./blob-removal.ts";
import type { BlobTouches } from "./blob-touches.ts";
import { type ContentKeys, newNonce } from "./content-keys.ts";
import { putDecided } from "./decided-put.ts";

/** How long a push waits for a blob that another node is deleting at this moment, in milliseconds. */
const MAX_WAIT_MS = 5000;
const PAUSE_MS = 50;

/** The bytes of a new blob: in memory, or where they were uploaded to. */
export type NewBlob = Uint8Array<ArrayBuffer> | readonly Segment[];

/** Makes the objects of blobs; see `BlobRemoval` for what may become of them. */
export class BlobPlacing {
  readonly #bucket: S3Bucket;
  readonly #keys: ContentKeys;
  readonly #removal: BlobRemoval;
  readonly #touches: BlobTouches;

  constructor(bucket: S3Bucket, keys: ContentKeys, removal: BlobRemoval, touches: BlobTouches) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#removal = removal;
    this.#touches = touches;
  }

  /** Resolves to false if the blob was there already, by another upload: then what was given is not used. */
  async place(digest: Digest, blob: NewBlob): Promise<boolean> {
    const put = { key: this.#keys.blob(digest), ...writeBlob(blob, newNonce()) };
    const created = await putDecided(this.#bucket, { ...put, condition: { absent: true } });
    if (created.kind === "stored") return true;
    // It must not be removed between this look and the link that follows.
    await this.#touches.leave(digest);
    for (const end = performance.now() + MAX_WAIT_MS; ; ) {
      const found = await this.#removal.find(digest);
      if (found && found.absence === undefined) return this.#isOf(digest, found, blob);
      if (found?.absence !== "deleting" || this.#removal.isStale(found)) {
        const condition = found ? { etag: found.etag } : ({ absent: true } as const);
        const outcome = await putDecided(this.#bucket, { ...put, condition });
        if (outcome.kind === "stored") return true;
      }
      if (performance.now() > end)
        throw new S3UnavailableError(`the blob ${digest} is being deleted; a retry will succeed later`);
      await Bun.sleep(PAUSE_MS);
    }
  }

  /** Whether the object consists of the same data: an earlier attempt of the upload, thought to have failed, has made it. */
  async #isOf(digest: Digest, found: BlobObject, blob: NewBlob): Promise<boolean> {
    const [first] = blob instanceof Uint8Array ? [] : blob;
    return (
      first !== undefined &&
      (await this.#removal.dataKeys(digest, found)).includes(this.#keys.data(first.name))
    );
  }
}
