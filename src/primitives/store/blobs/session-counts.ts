import { fetchId, type UploadId } from "../engine/upload-id.ts";
import type { SessionCounter, SessionLimit, SessionOwner } from "../engine/uploads.ts";

export interface SessionLimits {
  readonly user: number;
  readonly network: number;
  readonly all: number;
}

/** Far more than a client or a build farm has under way. */
export const SESSION_LIMITS: SessionLimits = { user: 1000, network: 1000, all: 50_000 };

/** Users, and networks, share a place by hash; two that do share what they may have open. */
const SLOTS = 16_384;
const NOBODY = 0xffff;
/** The part of a limit that a recount does not free: sessions that have begun, but that the storage did not list yet. */
const UNSEEN = 0.05;
const [RUN, SEED, ALL, USERS] = [0, 1, 2, 3];
const NETWORKS = USERS + SLOTS;

/**
 * Counts the open upload sessions of each user and network, in memory that threads share. An id says which places it takes,
 * so that whoever ends the session gives them back; the sessions of an earlier run of the program are in no count.
 */
export class SessionCounts implements SessionCounter {
  readonly memory: SharedArrayBuffer;
  readonly #counts: Int32Array;
  readonly #limits: SessionLimits;

  /** With the memory of another thread's they are the same. */
  constructor(memory?: SharedArrayBuffer, limits = SESSION_LIMITS) {
    this.memory = memory ?? new SharedArrayBuffer((NETWORKS + SLOTS) * Int32Array.BYTES_PER_ELEMENT);
    this.#counts = new Int32Array(this.memory);
    this.#limits = limits;
    if (memory) return;
    // A client must not be able to choose whom it shares a place with.
    const [run = 0, seed = 0] = crypto.getRandomValues(new Uint32Array(2));
    this.#counts[RUN] = run & 0xffff;
    this.#counts[SEED] = seed | 0;
  }

  /** Takes a place for a new session, and answers its id. */
  begin(owner: SessionOwner): UploadId | SessionLimit {
    const id = this.#idFor(owner);
    const places = placesOf(id);
    for (const [i, { at, of }] of places.entries()) {
      const limit = this.#limits[of];
      if (Atomics.add(this.#counts, at, 1) < limit) continue;
      for (const taken of places.slice(0, i + 1)) Atomics.sub(this.#counts, taken.at, 1);
      return { of, limit };
    }
    return id;
  }

  /** To be called once for each session that has ended. */
  end(id: UploadId): void {
    if (this.#isOfThisRun(id)) for (const { at } of placesOf(id)) this.#give(at, 1);
  }

  /** See `SessionCounter`. What begins or ends meanwhile still counts. */
  recount(): (open: readonly UploadId[]) => boolean {
    const before = this.#counts.slice();
    return (open) => {
      const found = new Int32Array(before.length);
      for (const id of open)
        if (this.#isOfThisRun(id)) for (const { at } of placesOf(id)) found[at] = (found[at] ?? 0) + 1;
      let isFreed = false;
      for (let at = ALL; at < before.length; at++) {
        const limit = this.#limits[at === ALL ? "all" : at < NETWORKS ? "user" : "network"];
        const ended = (before[at] ?? 0) - (found[at] ?? 0) - Math.floor(limit * UNSEEN);
        if (ended <= 0) continue;
        this.#give(at, ended);
        isFreed = true;
      }
      return isFreed;
    };
  }

  /** Whether a session takes one of the places that its owner's do. */
  isOf(owner: SessionOwner, id: UploadId): boolean {
    if (!this.#isOfThisRun(id) || owner === "fetch") return false;
    const [user, network] = slotsOf(id);
    return (
      network === this.#slotOf(owner.network) ||
      (owner.user !== undefined && user === this.#slotOf(owner.user))
    );
  }

  get open(): number {
    return Atomics.load(this.#counts, ALL);
  }

  /** Not below zero: a recount may have given the places of sessions that were just about to end. */
  #give(at: number, count: number): void {
    for (let now = Atomics.load(this.#counts, at); now > 0; ) {
      const was = Atomics.compareExchange(this.#counts, at, now, Math.max(now - count, 0));
      if (was === now) return;
      now = was;
    }
  }

  #idFor(owner: SessionOwner): UploadId {
    if (owner === "fetch") return fetchId(this.#newId(NOBODY, NOBODY));
    const { user, network } = owner;
    return this.#newId(user === undefined ? NOBODY : this.#slotOf(user), this.#slotOf(network));
  }

  #newId(user: number, network: number): UploadId {
    const random = crypto.getRandomValues(new Uint8Array(10)).toHex();
    const run = Atomics.load(this.#counts, RUN);
    return [random.slice(0, 8), hex4(run), hex4(user), hex4(network), random.slice(8)].join("-") as UploadId;
  }

  #isOfThisRun(id: UploadId): boolean {
    return Number.parseInt(id.slice(9, 13), 16) === Atomics.load(this.#counts, RUN);
  }

  #slotOf(name: string): number {
    return Bun.hash.xxHash32(name, Atomics.load(this.#counts, SEED) >>> 0) % SLOTS;
  }
}

interface Place {
  readonly at: number;
  readonly of: SessionLimit["of"];
}

function slotsOf(id: UploadId): [user: number, network: number] {
  return [Number.parseInt(id.slice(14, 18), 16), Number.parseInt(id.slice(19, 23), 16)];
}

function placesOf(id: UploadId): readonly Place[] {
  const [user, network] = slotsOf(id);
  return [
    ...(user < SLOTS ? [{ at: USERS + user, of: "user" } as const] : []),
    ...(network < SLOTS ? [{ at: NETWORKS + network, of: "network" } as const] : []),
    { at: ALL, of: "all" },
  ];
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, "0");
}
