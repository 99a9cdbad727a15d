import { describe, expect, test } from "bun:test";
import { connectionCaps, excessOf } from "../../../../src/frontends/http/listen/connection-caps.ts";

/** Connections by address. */
const open = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).flatMap(([address, count]) => Array.from({ length: count }, () => ({ address })));

/** How many are to be closed, by network. */
const closed = (
  counts: Readonly<Record<string, number>>,
  caps: { total: number; perNetwork: number },
  proxy?: string,
) =>
  Object.fromEntries(
    excessOf(open(counts), caps, (address) => address === proxy).map(({ network, count }) => [
      network,
      count,
    ]),
  );

describe("the caps on connections", () => {
  test.each([
    [1024, { total: 448, perNetwork: 224 }],
    [4096, { total: 1792, perNetwork: 896 }],
    [1_048_576, { total: 16_384, perNetwork: 8192 }],
    [64, { total: 1, perNetwork: 1 }],
  ])("under a limit of %p open files leave room for a file each and for everything else", (limit, caps) => {
    expect(connectionCaps(limit)).toEqual(caps);
  });

  test("for one address are the configured ones, within the total", () => {
    expect(connectionCaps(4096, 100)).toEqual({ total: 1792, perNetwork: 100 });
    expect(connectionCaps(4096, 100_000)).toEqual({ total: 1792, perNetwork: 1792 });
  });
});

describe("too many connections", () => {
  const caps = { total: 100, perNetwork: 40 };

  test("from one address are closed, and those of other addresses stay", () => {
    expect(closed({ "192.0.2.1": 1000, "192.0.2.2": 40, "192.0.2.3": 1 }, caps)).toEqual({
      "192.0.2.1": 960,
    });
    expect(closed({ "192.0.2.1": 40, "192.0.2.2": 40 }, caps)).toEqual({});
  });

  test("of one /64 count together", () => {
    expect(closed({ "2001:db8:0:1::1": 30, "2001:db8:0:1::2": 30, "2001:db8:0:2::1": 30 }, caps)).toEqual({
      "2001:db8:0:1::/64": 20,
    });
  });

  test("in total are closed in the networks with the most", () => {
    expect(closed({ "192.0.2.1": 40, "192.0.2.2": 40, "192.0.2.3": 40, "192.0.2.4": 10 }, caps)).toEqual({
      "192.0.2.1": 10,
      "192.0.2.2": 10,
      "192.0.2.3": 10,
    });
  });

  test("from a trusted proxy are bounded by the total only", () => {
    expect(closed({ "192.0.2.1": 90, "192.0.2.2": 10 }, caps, "192.0.2.1")).toEqual({});
    expect(closed({ "192.0.2.1": 150, "192.0.2.2": 10 }, caps, "192.0.2.1")).toEqual({ "192.0.2.1": 60 });
  });

  test("from more networks than the total leave one connection to each network", () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`192.0.2.${i}`, 2]));
    expect(new Set(Object.values(closed(many, caps)))).toEqual(new Set([1]));
  });
});
