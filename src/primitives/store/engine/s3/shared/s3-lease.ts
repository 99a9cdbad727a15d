import type { Release } from "../../../../release.ts";
import type { Lease, LeaseName } from "../../leases.ts";
import type { FoundLease, LeaseRecord, LeaseRecords } from "./lease-records.ts";
import { type LeaseMoment, longestSince, momentOf, type NodeClock } from "./node-clock.ts";

/** How long another node must have seen the same version of a lease before it may acquire it. */
export const LEASE_TERM_MS = 30_000;
/** The holder ends its term earlier by this, because the clocks of two nodes may run at different speeds. */
const MARGIN_MS = LEASE_TERM_MS / 10;
const RENEW_EVERY_MS = LEASE_TERM_MS / 3;
/** Pause after a renewal that failed. */
const RETRY_MS = 1000;

export interface LeaseContext {
  readonly records: LeaseRecords;
  readonly clock: NodeClock;
  readonly name: LeaseName;
}

/** A record that is known to have been written, with its version and the moment before it was sent. */
interface WrittenRecord {
  readonly record: LeaseRecord;
  readonly etag: string;
  readonly sentAt: LeaseMoment;
}

/** A lease that this node has acquired. It is renewed until it is released or lost. */
export class S3Lease implements Lease {
  readonly #context: LeaseContext;
  readonly #lost = new AbortController();
  readonly #sent = new Map<number, LeaseMoment>();
  #written: WrittenRecord;
  #renewals = 0;
  #isReleased = false;
  #stopRenewal: Release = () => undefined;
  #stopEnd: Release = () => undefined;
  #renewing: Promise<void> = Promise.resolve();

  constructor(context: LeaseContext, written: WrittenRecord) {
    this.#context = context;
    this.#written = written;
    this.#awaitRenewal(RENEW_EVERY_MS);
    this.#awaitEnd();
  }

  get name(): LeaseName {
    return this.#context.name;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  isHeld(): boolean {
    if (this.#isReleased) return false;
    if (this.#leftMs() <= 0) this.#lose();
    return !this.#lost.signal.aborted;
  }

  async release(): Promise<void> {
    if (!this.isHeld()) return;
    this.#isReleased = true;
    this.#stopTimers();
    await this.#renewing;
    try {
      await this.#write(undefined);
    } catch {
      // The term ends the lease.
    }
  }

  #leftMs(): number {
    return LEASE_TERM_MS - MARGIN_MS - longestSince(this.#written.sentAt, this.#context.clock);
  }

  #awaitRenewal(ms: number): void {
    this.#stopRenewal = this.#context.clock.after(ms, () => {
      this.#renewing = this.#renew();
      return this.#renewing;
    });
  }

  /** Apart from renewals, because the object store may let one of them wait. */
  #awaitEnd(): void {
    this.#stopEnd = this.#context.clock.after(this.#leftMs(), async () => {
      if (this.isHeld()) this.#awaitEnd();
    });
  }

  async #renew(): Promise<void> {
    if (!this.isHeld()) return;
    let pause = RENEW_EVERY_MS;
    try {
      // The response may come after the term: what is lost stays lost.
      if (!(await this.#write(this.#written.record.holder))) this.#lose();
    } catch {
      pause = RETRY_MS;
    }
    if (this.isHeld()) this.#awaitRenewal(pause);
  }

  /**
   * Writes the next record of this acquisition; false if another holder has acquired the lease. Rejects if that is unknown;
   * then it may have been written, or be written later.
   */
  async #write(holder: string | undefined): Promise<boolean> {
    const { records, name, clock } = this.#context;
    for (;;) {
      const record = { ...this.#written.record, renewal: ++this.#renewals, holder };
      const sentAt = momentOf(clock);
      this.#sent.set(record.renewal, sentAt);
      const etag = await records.replace(name, this.#written.etag, record);
      if (etag !== undefined) {
        this.#confirm({ record, etag, sentAt });
        return true;
      }
      // A write of before, whose response did not come, may have been done.
      const known = this.#ownWrite(await records.read(name));
      if (!known) return false;
      this.#confirm(known);
      if (known.record.holder === holder) return true;
    }
  }

  /** The record if it is one of this acquisition that was not known to have been written. */
  #ownWrite(found: FoundLease | undefined): WrittenRecord | undefined {
    const { record, etag = "" } = found ?? {};
    if (record?.acquisition !== this.#written.record.acquisition) return undefined;
    const sentAt = this.#sent.get(record.renewal);
    return sentAt && { record, etag, sentAt };
  }

  #confirm(written: WrittenRecord): void {
    this.#written = written;
    for (const renewal of this.#sent.keys())
      if (renewal <= written.record.renewal) this.#sent.delete(renewal);
  }

  #lose(): void {
    this.#stopTimers();
    this.#lost.abort();
  }

  #stopTimers(): void {
    this.#stopRenewal();
    this.#stopEnd();
  }
}
