import { expect, test } from "bun:test";
import { formatSize, parseSize, sizeAdvice, writeSize } from "../../../src/primitives/text/byte-size.ts";

test("a size is a number with a unit", () => {
  expect(["512B", "4MiB", "1.5GiB", "2TiB"].map(parseSize)).toEqual([512, 4 << 20, 1.5 * 2 ** 30, 2 ** 41]);
  expect(["4kB", "4MB", "1.5GB", "10 gib", "3.4 MiB"].map(parseSize)).toEqual([
    4000,
    4_000_000,
    1_500_000_000,
    10 * 2 ** 30,
    Math.round(3.4 * 2 ** 20),
  ]);
  for (const text of ["", "4", "4G", "4Gi", "4iB", "-1MiB", "1e3KiB", ".5MiB", "4  MiB", "9999999TB"])
    expect([text, parseSize(text)]).toEqual([text, undefined]);
});

test("the advice for a text that is not a size can be followed", () => {
  expect(["10G", "1.5ki", "64", "much", "4iB", ""].map(sizeAdvice)).toEqual([
    "write 10GiB, or 10GB for powers of 1000",
    "write 1.5KiB, or 1.5KB for powers of 1000",
    "add a unit: 64MiB, 64GiB, or 64B for bytes",
    undefined,
    undefined,
    undefined,
  ]);
});

test("a formatted size parses to the same size", () => {
  for (const bytes of [0, 1, 1023, 1024, 1025, 4 << 20, 3 * 2 ** 30, 2 ** 41 + 1024])
    expect([bytes, parseSize(writeSize(bytes))]).toEqual([bytes, bytes]);
  expect(writeSize(10 * 2 ** 30)).toBe("10GiB");
  expect([0, 1023, 1536, 10 * 2 ** 30].map(formatSize)).toEqual(["0 B", "1023 B", "1.5 KiB", "10 GiB"]);
});
