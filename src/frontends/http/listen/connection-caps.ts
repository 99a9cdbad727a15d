import { networkOf } from "../../../primitives/net/client-network.ts";

/** Limits on open connections. */
export interface ConnectionCaps {
  readonly total: number;
  /** For each client network: an IPv4 address, or the /64 of an IPv6 address. */
  readonly perNetwork: number;
}

/** More connections would only use memory. */
const MAX_TOTAL = 16_384;
/** Open files reserved for stores, SSH and everything else: this fraction (1/n) of the limit, but at least `MIN_RESERVED`. */
const RESERVED_PART = 8;
const MIN_RESERVED = 128;
/** The socket, and the blob file that is sent on it. */
const FILES_PER_CONNECTION = 2;
/** Default share of one network, as 1/n of all connections. */
const NETWORK_PART = 2;

/** Returns caps that keep the process below its limit on open files. */
export function connectionCaps(fileLimit: number, perNetwork?: number): ConnectionCaps {
  const reserved = Math.max(MIN_RESERVED, Math.ceil(fileLimit / RESERVED_PART));
  const room = Math.floor((fileLimit - reserved) / FILES_PER_CONNECTION);
  const total = Math.max(1, Math.min(MAX_TOTAL, room));
  return { total, perNetwork: Math.min(total, perNetwork ?? Math.max(1, Math.floor(total / NETWORK_PART))) };
}

export interface Connection {
  /** The peer's address, without port. */
  readonly address: string;
}

/** A network with too many connections. */
export interface Excess<C extends Connection> {
  readonly network: string;
  /** All connections of the network. */
  readonly connections: readonly C[];
  /** How many of them to close. */
  readonly count: number;
}

/**
 * Returns the networks that must close connections. Above the total, the networks with the most lose theirs first.
 * `isExempt` addresses have no cap for their network.
 */
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

/** The largest cap for each network, at least 1, at which the sum stays within `total` (max-min fairness). */
function fairLevel(wanted: readonly number[], total: number): number {
  let left = total;
  const ascending = wanted.toSorted((a, b) => a - b);
  for (const [i, count] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - i));
    if (count > share) return Math.max(1, share);
    left -= count;
  }
  return Number.POSITIVE_INFINITY;
}
