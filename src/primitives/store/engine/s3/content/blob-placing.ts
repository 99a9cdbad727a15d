import type { Digest } from "../../../../digest.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UnavailableError } from "../../../../s3/s3-errors.ts";
import { type Segment, writeBlob } from "./blob-object.ts";
import type { BlobRemoval } from "./blob-removal.ts";
import type { BlobTouches } from "./blob-touches.ts";
import { type ContentKeys, newNonce } from "./content-keys.ts";
import { putDecided } from "./decided-put.ts";
import type { Deletions } from "./deletions.ts";

/** How long a push waits for a blob that another node is deleting at this moment, in milliseconds. */
const MAX_WAIT_MS = 5000;
const PAUSE_MS = 50;

/** The bytes of a new blob: in memory, or where they were uploaded to. */
export type NewBlob = Uint8Array<ArrayBuffer> | readonly Segment[];

/** In bytes. */
export function sizeOfBlob(blob: NewBlob): number {
  return blob instanceof Uint8Array ? blob.length : blob.reduce((sum, { size }) => sum + size, 0);
}

interface PlacingParts {
  readonly bucket: S3Bucket;
  readonly keys: ContentKeys;
  readonly data: Deletions;
  readonly removal: BlobRemoval;
  readonly touches: BlobTouches;
}

export interface PlacedBlob {
  /** False if the blob was there already. */
  readonly isNew: boolean;
  /** Of the data objects of which the blob consists now. */
  readonly dataKeys: readonly string[];
}

/** Makes the objects of blobs; see `BlobRemoval` for what may become of them. */
export class BlobPlacing {
  readonly #bucket: S3Bucket;
  readonly #keys: ContentKeys;
  readonly #data: Deletions;
  readonly #removal: BlobRemoval;
  readonly #touches: BlobTouches;

  constructor({ bucket, keys, data, removal, touches }: PlacingParts) {
    this.#bucket = bucket;
    this.#keys = keys;
    this.#data = data;
    this.#removal = removal;
    this.#touches = touches;
  }

  /** `signedAt`: see `S3Request`. */
  async place(digest: Digest, blob: NewBlob, signedAt?: Date): Promise<PlacedBlob> {
    const put = {
      key: this.#keys.blob(digest),
      ...writeBlob(blob, newNonce()),
      ...(signedAt && { signedAt }),
    };
    const dataKeys = blob instanceof Uint8Array ? [] : blob.map(({ name }) => this.#keys.data(name));
    const created = await putDecided(this.#bucket, { ...put, condition: { absent: true } });
    if (created.kind === "stored") return { isNew: true, dataKeys };
    // It must not be removed between this look and the link that follows.
    await this.#touches.leave(digest);
    for (const end = performance.now() + MAX_WAIT_MS; ; ) {
      const found = await this.#removal.find(digest);
      const namedKeys = found ? await this.#removal.dataKeys(digest, found) : [];
      if (found && found.absence === undefined) return { isNew: false, dataKeys: namedKeys };
      if (found?.absence !== "deleting" || this.#removal.isStale(found)) {
        const condition = found ? { etag: found.etag } : ({ absent: true } as const);
        const outcome = await putDecided(this.#bucket, { ...put, condition });
        if (outcome.kind === "stored") {
          await this.#data.remove(namedKeys.filter((key) => !dataKeys.includes(key)));
          return { isNew: true, dataKeys };
        }
      }
      if (performance.now() > end)
        throw new S3UnavailableError(`the blob ${digest} is being deleted; a retry will succeed later`);
      await Bun.sleep(PAUSE_MS);
    }
  }
}
