import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UncertainError } from "../../../../s3/s3-errors.ts";
import { s3UrlOf } from "../../../../s3/s3-location.ts";
import { probeConditions } from "../../../../s3/s3-probe.ts";
import type { SecretName } from "../../secrets.ts";
import type { StorageTarget, StoreTarget } from "../../storage-target.ts";
import { type BucketLayout, putLayout, type ReadLayout, readLayout } from "../bucket-layout.ts";
import { ForeignBucketError } from "../foreign-bucket.ts";
import { CopyTakenOverError } from "./copy-taken-over.ts";
import { S3BlobTarget } from "./s3-blob-target.ts";
import { S3StoreTarget } from "./s3-store-target.ts";

const MAX_ATTEMPTS = 3;
/** Where probes leave something if they are killed. */
const PROBES = "probes/";

/**
 * A bucket to which stores are copied. The layout says so from the beginning to the end, and no node uses the bucket
 * meanwhile. Of several processes that copy to it, the one that began last goes on.
 */
export class S3StorageTarget implements StorageTarget {
  readonly #bucket: S3Bucket;
  readonly #layout: BucketLayout;
  readonly #segmentLinks: number | undefined;
  /** Whether an earlier copy may have left something. */
  readonly #isResumed: boolean;
  readonly #blobs = new Map<string, S3BlobTarget>();
  readonly #made = new Set<string>();

  private constructor(bucket: S3Bucket, layout: BucketLayout, isResumed: boolean, segmentLinks?: number) {
    this.#segmentLinks = segmentLinks;
    this.#bucket = bucket;
    this.#isResumed = isResumed;
    this.#layout = layout;
  }

  /** `segmentLinks`: see `S3StoreTarget`. Rejects with `ForeignBucketError` where something else is than an unfinished copy of `from`, and if the store lacks what nodes need. */
  static async begin(bucket: S3Bucket, from: string, segmentLinks?: number): Promise<S3StorageTarget> {
    const found = await readLayout(bucket);
    const place = s3UrlOf(bucket.client.location, "");
    if (found && !found.copying)
      throw new ForeignBucketError(
        `${place} holds stores already; copy to another prefix, or delete what is there`,
      );
    if (found?.copying && found.copying.from !== from)
      throw new ForeignBucketError(
        `${place} has a copy of ${found.copying.from} that is not finished; finish that one, or delete what is there`,
      );
    if (!found) await refuseOtherObjects(bucket, place);
    await probeConditions(bucket);
    const by = crypto.randomUUID();
    const layout = { id: found?.id ?? crypto.randomUUID(), copying: { from, by } };
    await replaceLayout(bucket, layout, found);
    return new S3StorageTarget(bucket, layout, found !== undefined, segmentLinks);
  }

  async store(name: string, hasContent: boolean): Promise<StoreTarget> {
    const isNew = !this.#made.has(name);
    const blobs = this.#blobs.get(name) ?? new S3BlobTarget(this.#bucket, name, this.#isResumed);
    if (isNew) {
      await this.#bucket.put(`stores/${name}/store`, new Uint8Array());
      if (hasContent) {
        await this.#bucket.put(`stores/${name}/content`, new Uint8Array());
        await blobs.recover();
      }
      this.#made.add(name);
    }
    if (hasContent) this.#blobs.set(name, blobs);
    return new S3StoreTarget(this.#bucket, name, hasContent ? blobs : undefined, this.#segmentLinks);
  }

  async putSecret(name: SecretName, bytes: Uint8Array): Promise<void> {
    await this.#bucket.put(`secrets/${name}`, new Uint8Array(bytes));
  }

  async checkOurs(): Promise<void> {
    await this.#ownLayout();
  }

  async finish(): Promise<void> {
    await this.checkOurs();
    for (const blobs of this.#blobs.values()) if (blobs.mayHaveOrphans) await blobs.removeOrphans();
    const layout = await this.#ownLayout();
    await replaceLayout(this.#bucket, { id: layout.id, copying: undefined }, layout);
  }

  async #ownLayout(): Promise<ReadLayout> {
    const layout = await readLayout(this.#bucket);
    if (layout?.copying?.by !== this.#layout.copying?.by || !layout)
      throw new CopyTakenOverError(s3UrlOf(this.#bucket.client.location, ""));
    return layout;
  }
}

async function refuseOtherObjects(bucket: S3Bucket, place: string): Promise<void> {
  for await (const page of bucket.list("")) {
    const other = page.find(({ key }) => !key.startsWith(PROBES));
    if (other)
      throw new ForeignBucketError(
        `${place} holds other objects, such as '${other.key}'; copy to another prefix, or delete them`,
      );
  }
}

/** Rejects with `CopyTakenOverError` if another process has changed it. */
async function replaceLayout(bucket: S3Bucket, next: BucketLayout, replaced?: ReadLayout): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      if ((await putLayout(bucket, next, replaced)).kind === "stored") return;
    } catch (error) {
      if (!(error instanceof S3UncertainError) || attempt >= MAX_ATTEMPTS) throw error;
    }
    // It may have been written all the same.
    const found = await readLayout(bucket);
    if (found && found.copying?.by === next.copying?.by && found.id === next.id) return;
    if (found?.etag !== replaced?.etag || attempt >= MAX_ATTEMPTS)
      throw new CopyTakenOverError(s3UrlOf(bucket.client.location, ""));
  }
}
