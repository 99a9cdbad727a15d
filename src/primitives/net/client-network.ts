import { isIPv6 } from "node:net";

const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;
const MAX_LENGTH = 64;

/** Converts an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) to IPv4, and removes an IPv6 zone (`%eth0`). */
export function plainAddress(address: string): string {
  if (!address.includes(":")) return address;
  const unzoned = address.replace(/%.*$/s, "");
  const groups = groupsOf(unzoned);
  if (groups === undefined) return unzoned;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (!isMapped) return unzoned;
  return groups
    .slice(6)
    .map((group) => `${group >> 8}.${group & 255}`)
    .join(".");
}

/**
 * The network that counts as one client: an IPv4 address, or the /64 of an IPv6 address, which usually belongs to one
 * subscriber. Other text is returned as it is, cut to `MAX_LENGTH`.
 */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  const groups = plain.includes(":") ? groupsOf(plain) : undefined;
  if (groups === undefined) return plain.slice(0, MAX_LENGTH);
  const network = groups.slice(0, GROUPS_OF_NETWORK).map((group) => group.toString(16));
  return `${network.join(":")}::/64`;
}

/** The eight groups of an IPv6 address as numbers. */
function groupsOf(address: string): number[] | undefined {
  if (!isIPv6(address)) return undefined;
  const [head = "", tail] = address.split("::");
  const front = numbersOf(head);
  if (tail === undefined) return front;
  const back = numbersOf(tail);
  return [...front, ...Array.from({ length: GROUPS - front.length - back.length }, () => 0), ...back];
}

function numbersOf(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((part) => {
    if (!part.includes(".")) return Number.parseInt(part, 16);
    const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
