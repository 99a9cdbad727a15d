import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { isRecord } from "../../../../text/records.ts";
import type { LeaseName } from "../../leases.ts";

/** What the object of a lease holds. No two writes have the same bytes, so that each has another ETag. */
export interface LeaseRecord {
  /** Names the node, for who looks into the bucket. */
  readonly node: string;
  /** Names one acquisition until its release. */
  readonly acquisition: string;
  /** Rises with each write of the acquisition. */
  readonly renewal: number;
  /** The words of the holder; `undefined` once it was released. */
  readonly holder: string | undefined;
}

export interface FoundLease {
  readonly etag: string;
  /** `undefined` where the object holds something else; then it counts as held, for a term. */
  readonly record: LeaseRecord | undefined;
}

const FORMAT = 1;
/** How long the object store may take for a write: shorter than the pause between renewals. */
const WRITE_TIMEOUT_MS = 5000;

/** The objects of leases. */
export class LeaseRecords {
  readonly #bucket: S3Bucket;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  /** `undefined` if the lease was never held. */
  async read(name: LeaseName): Promise<FoundLease | undefined> {
    const found = await this.#bucket.read(keyOf(name));
    return found && { etag: found.etag, record: parseRecord(Buffer.from(found.bytes).toString()) };
  }

  /**
   * Writes a record if the object still has this ETag (`undefined`: if there is no object), and resolves to the new one;
   * otherwise to `undefined`. Rejects with `S3UncertainError` if it may have been written.
   */
  async replace(name: LeaseName, etag: string | undefined, record: LeaseRecord): Promise<string | undefined> {
    const { holder = null, ...rest } = record;
    const text = JSON.stringify({ format: FORMAT, ...rest, holder });
    const outcome = await this.#bucket.put(keyOf(name), new Uint8Array(Buffer.from(text)), {
      condition: etag === undefined ? { absent: true } : { etag },
      timeoutMs: WRITE_TIMEOUT_MS,
    });
    return outcome.kind === "stored" ? outcome.etag : undefined;
  }
}

function keyOf(name: LeaseName): string {
  return `leases/${name}`;
}

function parseRecord(text: string): LeaseRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value["format"] !== FORMAT) return undefined;
  const { node, acquisition, renewal, holder } = value;
  if (typeof node !== "string" || typeof acquisition !== "string" || typeof renewal !== "number")
    return undefined;
  if (typeof holder !== "string" && holder !== null) return undefined;
  return { node, acquisition, renewal, holder: holder ?? undefined };
}
