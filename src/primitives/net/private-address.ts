import { BlockList, isIP, isIPv6 } from "node:net";

/** Networks that are not on the public internet, by the registries of special-purpose addresses (RFC 6890). */
const IPV4: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
/** Public unicast addresses are in 2000::/3 alone. Of it, these are special, or lead to IPv4 addresses (Teredo, 6to4). */
const IPV6: readonly string[] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];
const PUBLIC_IPV6 = "2000::/3";

const special = blockList(IPV4, IPV6);
const unicast = blockList([], [PUBLIC_IPV6]);

/** Whether an IP address, without brackets, is not on the public internet: private, loopback, link-local, reserved. */
export function isPrivateAddress(address: string): boolean {
  if (isIPv6(address)) {
    const unzoned = address.replace(/%.*$/s, "");
    return !unicast.check(unzoned, "ipv6") || special.check(unzoned, "ipv6");
  }
  return isIP(address) !== 4 || special.check(address, "ipv4");
}

function blockList(ipv4: readonly string[], ipv6: readonly string[]): BlockList {
  const list = new BlockList();
  const add = (networks: readonly string[], family: "ipv4" | "ipv6") => {
    for (const network of networks) {
      const [address = "", bits] = network.split("/");
      list.addSubnet(address, Number(bits), family);
    }
  };
  add(ipv4, "ipv4");
  add(ipv6, "ipv6");
  return list;
}
