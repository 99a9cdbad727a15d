import { expect, test } from "bun:test";
import { networkOf, plainAddress } from "../../../src/primitives/net/client-network.ts";

test("all addresses of one /64 are one network, and each IPv4 address is a network of its own in either form", () => {
  const networks: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:ffff:ffff:ffff:ffff", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::1", "2001:db8:0:1::/64"],
    ["2001:db8::192.0.2.1", "2001:db8:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["unknown", "unknown"],
    ["not:an:address", "not:an:address"],
  ];
  for (const [address, network] of networks)
    expect([address, networkOf(address)]).toEqual([address, network]);
  expect(networkOf("x".repeat(10_000)).length).toBeLessThan(100);
});

test("an IPv4 address in IPv6 form is shown as IPv4, and an IPv6 address without its zone", () => {
  expect(plainAddress("::ffff:10.0.0.1")).toBe("10.0.0.1");
  expect(plainAddress("2001:db8::1")).toBe("2001:db8::1");
  expect(plainAddress("fe80::1%eth0")).toBe("fe80::1");
});
