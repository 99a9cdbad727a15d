import type { Release } from "../../../src/primitives/release.ts";
import type { Lease, LeaseName, LeaseOutcome, Leases } from "../../../src/primitives/store/engine/leases.ts";
import { ManualClock } from "./manual-clock.ts";

/** How long a lease lasts without a renewal. */
export const TERM_MS = 15_000;
/** The holder ends its term earlier by this, because the clocks of two nodes may run at different speeds. */
const MARGIN_MS = TERM_MS / 10;
const RENEW_EVERY_MS = TERM_MS / 3;

/** The version of a record that does not exist yet. */
const NEVER_HELD = 0;

interface LeaseRecord {
  /** Rises with each change, and never repeats. */
  readonly version: number;
  /** `undefined` once it was released. */
  readonly holder: string | undefined;
}

/** What outlives a node, and no node's clock has written into: nodes have no time in common. */
export type LeaseRecords = Map<LeaseName, LeaseRecord>;

/** Leases with a term, as one node over shared storage sees them. */
export class MemoryLeases implements Leases {
  readonly clock: ManualClock;
  readonly #records: LeaseRecords;
  /** Which version of a record this node has seen, and when it saw that version first. */
  readonly #seen = new Map<LeaseName, { readonly version: number; readonly at: number }>();
  #isCutOff = false;

  constructor(records: LeaseRecords = new Map(), clock = new ManualClock()) {
    this.#records = records;
    this.clock = clock;
  }

  async acquire(name: LeaseName, holder: string): Promise<LeaseOutcome> {
    const found = await this.#read(name);
    if (found?.holder !== undefined && !this.#hasExpired(name, found.version))
      return { kind: "held", by: found.holder };
    const sentAt = this.clock.now();
    const version = await this.replace(name, found?.version ?? NEVER_HELD, holder);
    if (version === undefined) return { kind: "held", by: (await this.#read(name))?.holder };
    return { kind: "acquired", lease: new MemoryLease(this, { name, holder, version, sentAt }) };
  }

  /** The storage can't be reached from this node any more. */
  cutOff(): void {
    this.#isCutOff = true;
  }

  /** Writes a record if it is still of this version, and resolves to its new version; otherwise to `undefined`. */
  async replace(name: LeaseName, version: number, holder: string | undefined): Promise<number | undefined> {
    await this.#reachStorage();
    if ((this.#records.get(name)?.version ?? NEVER_HELD) !== version) return undefined;
    this.#records.set(name, { version: version + 1, holder });
    return version + 1;
  }

  async #read(name: LeaseName): Promise<LeaseRecord | undefined> {
    await this.#reachStorage();
    return this.#records.get(name);
  }

  /** Takes a moment, so that requests of nodes overlap. */
  async #reachStorage(): Promise<void> {
    await Promise.resolve();
    if (this.#isCutOff) throw new Error("the storage can't be reached");
  }

  /** A term after this node saw the version first, the term is over for the holder too: the holder sent it before. */
  #hasExpired(name: LeaseName, version: number): boolean {
    const now = this.clock.now();
    const seen = this.#seen.get(name);
    if (seen?.version === version) return now - seen.at >= TERM_MS;
    this.#seen.set(name, { version, at: now });
    return false;
  }
}

interface HeldRecord {
  readonly name: LeaseName;
  readonly holder: string;
  readonly version: number;
  /** By the holder's clock, before the storage wrote this version. */
  readonly sentAt: number;
}

class MemoryLease implements Lease {
  readonly #leases: MemoryLeases;
  readonly #lost = new AbortController();
  #record: HeldRecord;
  #isReleased = false;
  #stopTimer: Release = () => undefined;
  #renewing: Promise<void> | undefined;

  constructor(leases: MemoryLeases, record: HeldRecord) {
    this.#leases = leases;
    this.#record = record;
    this.#wait();
  }

  get name(): LeaseName {
    return this.#record.name;
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
    this.#stopTimer();
    await this.#renewing;
    const { name, version } = this.#record;
    await this.#leases.replace(name, version, undefined).catch(() => undefined);
  }

  #leftMs(): number {
    return this.#record.sentAt + TERM_MS - MARGIN_MS - this.#leases.clock.now();
  }

  #wait(): void {
    this.#stopTimer = this.#leases.clock.after(Math.min(RENEW_EVERY_MS, this.#leftMs()), () => {
      this.#renewing = this.#renew();
      return this.#renewing;
    });
  }

  async #renew(): Promise<void> {
    if (!this.isHeld()) return;
    const sentAt = this.#leases.clock.now();
    const { name, holder } = this.#record;
    try {
      const version = await this.#leases.replace(name, this.#record.version, holder);
      if (version === undefined) this.#lose();
      // The answer may come after the term: what is lost stays lost.
      else if (!this.#lost.signal.aborted) this.#record = { name, holder, version, sentAt };
    } catch {
      // Tried again until the term is over.
    }
    if (this.isHeld()) this.#wait();
  }

  #lose(): void {
    this.#stopTimer();
    this.#lost.abort();
  }
}
