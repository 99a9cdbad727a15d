import { networkOf } from "../../../primitives/net/client-network.ts";

/** How many connections may be open. */
export interface ConnectionCaps {
  readonly total: number;
  /** Of one network: an IPv4 address, or the /64 of an IPv6 address. */
  readonly perNetwork: number;
}

/** More would only take memory. */
const MAX_TOTAL = 16_384;
/** Of the files that may be open, what is kept for stores, SSH and everything else: one of so many, and this many at least. */
const RESERVED_PART = 8;
const MIN_RESERVED = 128;
/** A connection, and the layer that is sent on it. */
const FILES_PER_CONNECTION = 2;
/** One network gets one of so many, unless it is set otherwise. */
const NETWORK_PART = 2;

/** What leaves room under a limit on open files. */
export function connectionCaps(fileLimit: number, perNetwork?: number): ConnectionCaps {
  const reserved = Math.max(MIN_RESERVED, Math.ceil(fileLimit / RESERVED_PART));
  const room = Math.floor((fileLimit - reserved) / FILES_PER_CONNECTION);
  const total = Math.max(1, Math.min(MAX_TOTAL, room));
  return { total, perNetwork: Math.min(total, perNetwork ?? Math.max(1, Math.floor(total / NETWORK_PART))) };
}

export interface Connection {
  /** The other end's address, without port. */
  readonly address: string;
}

/** Connections of one network that are more than it may have, as all are now. */
export interface Excess<C extends Connection> {
  readonly network: string;
  readonly connections: readonly C[];
  /** How many of them are to be closed. */
  readonly count: number;
}

/** Where all together are too many, the networks with the most give up theirs. `isExempt`: from the cap on one network. */
export function excessOf<C extends Connection>(
  connections: readonly C[],
  { total, perNetwork }: ConnectionCaps,
  isExempt: (address: string) => boolean,
): Excess<C>[] {
  const groups = [...Map.groupBy(connections, ({ address }) => networkOf(address))].map(
    ([network, members]) => {
      const [{ address } = { address: "" }] = members;
      const share = isExempt(address) ? Number.POSITIVE_INFINITY : perNetwork;
      return { network, members, wanted: Math.min(members.length, share) };
    },
  );
  const level = fairLevel(
    groups.map(({ wanted }) => wanted),
    total,
  );
  return groups.flatMap(({ network, members, wanted }) => {
    const count = members.length - Math.min(wanted, level);
    return count > 0 ? [{ network, connections: members, count }] : [];
  });
}

/** The largest share at which all together get no more than `total`, though at least one each. */
function fairLevel(wanted: readonly number[], total: number): number {
  let left = total;
  const ascending = wanted.toSorted((a, b) => a - b);
  for (const [i, some] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - i));
    if (some > share) return Math.max(1, share);
    left -= some;
  }
  return Number.POSITIVE_INFINITY;
}
