/** Names what one holder at a time may do: 1 to 64 lower-case letters, digits and single hyphens between them. */
export type LeaseName = string & { readonly __brand: "LeaseName" };

const MAX_NAME = 64;

export function parseLeaseName(text: string): LeaseName | undefined {
  return text.length <= MAX_NAME && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) ? (text as LeaseName) : undefined;
}

/**
 * Held from `acquire` until `release`, or until it is lost. The engine renews it meanwhile.
 *
 * When the holder is killed: where the operating system keeps leases (one machine) it frees them at once. On shared storage
 * another holder gets the lease after its term, which each engine sets.
 *
 * When the holder hangs: where the operating system keeps leases, the holder keeps them. On shared storage it loses the
 * lease after the term. It measures the term with its own monotonic clock from before it sent the last renewal that
 * succeeded, and ends it early by more than two clocks may differ over a term. Another holder measures a whole term from
 * when it first saw that renewal. So `isHeld` is false before anyone else can acquire the lease.
 *
 * A holder may hang between `isHeld` and a write that follows. So a lease saves double work; what two holders must never
 * both write needs compare-and-swap as well (`Branch`).
 */
export interface Lease {
  readonly name: LeaseName;
  /** Aborted once the lease can't be kept any more. A release does not abort it. A process that hangs learns of it late. */
  readonly lost: AbortSignal;
  /** Whether the lease is held at this moment, by the clock: to be asked before each step that is the holder's alone. */
  isHeld(): boolean;
  /**
   * Lets the next holder acquire the lease. Does nothing if it was released or lost before. Never rejects: if the storage
   * can't be reached, the term ends the lease.
   */
  release(): Promise<void>;
}

export type LeaseOutcome =
  | { readonly kind: "acquired"; readonly lease: Lease }
  /**
   * `by`: the words with which the holder acquired it, for messages. While the lease changes hands they may be unknown or
   * those of the holder before.
   */
  | { readonly kind: "held"; readonly by: string | undefined };

/** Named leases, each of which at most one holder has at a time: of all threads, processes and nodes that use the storage. */
export interface Leases {
  /**
   * Acquires the lease or says who holds it, without waiting. `holder` describes the caller in one line. A caller that
   * holds the lease already is refused as well. Rejects if the storage can't be used.
   */
  acquire(name: LeaseName, holder: string): Promise<LeaseOutcome>;
}
