import { isIPv6 } from "node:net";

const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;
const MAX_LENGTH = 64;

/** An IPv4 address that came in IPv6 form (`::ffff:192.0.2.1`) as itself, and without the zone of a link (`%eth0`). */
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
 * What counts as one client: an IPv4 address, or the /64 that an IPv6 address lies in, as one subscriber has all of it.
 * Anything else stands for itself.
 */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  const groups = plain.includes(":") ? groupsOf(plain) : undefined;
  if (groups === undefined) return plain.slice(0, MAX_LENGTH);
  const network = groups.slice(0, GROUPS_OF_NETWORK).map((group) => group.toString(16));
  return `${network.join(":")}::/64`;
}

/** The eight numbers of an IPv6 address. */
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
