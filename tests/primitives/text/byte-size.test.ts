import { expect, test } from "bun:test";
import { formatSize, parseSize, writeSize } from "../../../src/primitives/text/byte-size.ts";

test("a size is a number with a unit", () => {
  expect(["512B", "4MiB", "1.5GiB", "2TiB"].map(parseSize)).toEqual([512, 4 << 20, 1.5 * 2 ** 30, 2 ** 41]);
  expect(["", "4", "4MB", "-1MiB", "1e3KiB", "4 MiB", ".5MiB"].map(parseSize)).toEqual(
    Array(7).fill(undefined),
  );
});

test("a formatted size parses to the same size", () => {
  for (const bytes of [0, 1, 1023, 1024, 1025, 4 << 20, 3 * 2 ** 30, 2 ** 41 + 1024])
    expect([bytes, parseSize(writeSize(bytes))]).toEqual([bytes, bytes]);
  expect(writeSize(10 * 2 ** 30)).toBe("10GiB");
  expect([0, 1023, 1536, 10 * 2 ** 30].map(formatSize)).toEqual(["0 B", "1023 B", "1.5 KiB", "10 GiB"]);
});
