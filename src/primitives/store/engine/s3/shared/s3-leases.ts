import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { S3UncertainError } from "../../../../s3/s3-errors.ts";
import type { LeaseName, LeaseOutcome, Leases } from "../../leases.ts";
import { type FoundLease, LeaseRecords } from "./lease-records.ts";
import { momentOf, type NodeClock, systemNodeClock } from "./node-clock.ts";
import { LEASE_TERM_MS, S3Lease } from "./s3-lease.ts";

/**
 * Leases as small objects, `leases/<name>`, that are changed by compare-and-swap. Nodes have no time in common: no clock's
 * time is written. A holder that does not release its lease keeps it until another node has seen the same version of the
 * object for a whole term.
 */
export class S3Leases implements Leases {
  readonly #records: LeaseRecords;
  readonly #node: string;
  readonly #clock: NodeClock;
  /** Which version of an object this node saw last, and when it saw that version first, by its monotonic clock. */
  readonly #seen = new Map<LeaseName, { readonly etag: string; readonly at: number }>();

  /** `node` names this process among the nodes. */
  constructor(bucket: S3Bucket, node: string, clock: NodeClock = systemNodeClock) {
    this.#records = new LeaseRecords(bucket);
    this.#node = node;
    this.#clock = clock;
  }

  async acquire(name: LeaseName, holder: string): Promise<LeaseOutcome> {
    const found = await this.#records.read(name);
    if (found && !isReleased(found) && !this.#hasExpired(name, found.etag))
      return { kind: "held", by: found.record?.holder };
    const record = { node: this.#node, acquisition: crypto.randomUUID(), renewal: 0, holder };
    const sentAt = momentOf(this.#clock);
    const etag = await this.#replace(name, found?.etag, record);
    if (etag === undefined) return { kind: "held", by: (await this.#records.read(name))?.record?.holder };
    this.#seen.delete(name);
    const options = { records: this.#records, clock: this.#clock, name };
    return { kind: "acquired", lease: new S3Lease(options, { record, etag, sentAt }) };
  }

  /** Resolves to the ETag of the record if it was written. */
  async #replace(name: LeaseName, etag: string | undefined, record: FoundLease["record"] & {}) {
    let failure: unknown;
    try {
      const written = await this.#records.replace(name, etag, record);
      if (written !== undefined) return written;
    } catch (error) {
      if (!(error instanceof S3UncertainError)) throw error;
      failure = error;
    }
    const found = await this.#records.read(name);
    if (found?.record?.acquisition === record.acquisition) return found.etag;
    // It may yet be written. Then nobody has the lease for a term.
    if (failure !== undefined && found?.etag === etag) throw failure;
    return undefined;
  }

  /** A term after this node saw the version first, the term is over for the holder too: the holder sent it before. */
  #hasExpired(name: LeaseName, etag: string): boolean {
    const now = this.#clock.now();
    const seen = this.#seen.get(name);
    if (seen?.etag === etag) return now - seen.at >= LEASE_TERM_MS;
    this.#seen.set(name, { etag, at: now });
    return false;
  }
}

function isReleased({ record }: FoundLease): boolean {
  return record !== undefined && record.holder === undefined;
}
