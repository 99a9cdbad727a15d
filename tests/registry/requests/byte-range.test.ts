import { expect, test } from "bun:test";
import { parseContentRange, parseRange } from "../../../src/registry/requests/byte-range.ts";

const SIZE = 100;

function namedBy(header: string): string {
  const ranges = parseRange(header, SIZE);
  return typeof ranges === "string" ? ranges : ranges.map(({ first, last }) => `${first}-${last}`).join(" ");
}

test.each([
  ["bytes=0-9", { first: 0, last: 9 }],
  ["bytes=90-", { first: 90, last: 99 }],
  ["bytes=90-1000", { first: 90, last: 99 }],
  ["bytes=-10", { first: 90, last: 99 }],
  ["bytes=-1000", { first: 0, last: 99 }],
  ["BYTES=0-0", { first: 0, last: 0 }],
  ["bytes= 0-9 ,", { first: 0, last: 9 }],
  ["bytes=0-99999999999999999999999", { first: 0, last: 99 }],
])("the Range header '%s' names the bytes of a body of 100 bytes", (header, range) => {
  expect(parseRange(header, SIZE)).toEqual([range]);
});

test.each([
  ["bytes=0-9,20-29", "0-9 20-29"],
  ["bytes=20-29, 0-9", "20-29 0-9"],
  ["bytes=0-0,-1", "0-0 99-99"],
  ["bytes=0-9,100-,20-", "0-9 20-99"],
  ["bytes=,0-9,,20-29,", "0-9 20-29"],
])("the Range header '%s' names several ranges of a body of 100 bytes, in its order", (header, ranges) => {
  expect(namedBy(header)).toBe(ranges);
});

test.each([
  ["bytes=0-9,5-14", "0-14"],
  ["bytes=0-9,9-14", "0-14"],
  ["bytes=0-,0-,0-,0-", "0-99"],
  ["bytes=50-59,0-9,55-64", "50-64 0-9"],
  ["bytes=0-9,50-59,5-54", "0-59"],
  ["bytes=0-9,-95,50-50", "0-99"],
])("the overlapping ranges of '%s' are joined at the place of the first", (header, ranges) => {
  expect(namedBy(header)).toBe(ranges);
});

test("adjoining ranges stay apart, since containers/image counts the parts that it gets", () => {
  expect(namedBy("bytes=0-9,10-19,20-29")).toBe("0-9 10-19 20-29");
});

test("1024 ranges are answered in parts, and more with the whole body", () => {
  const ranges = (count: number) => Array.from({ length: count }, (_, i) => `${2 * i}-${2 * i}`);
  expect(parseRange(`bytes=${ranges(1024)}`, 10_000)).toHaveLength(1024);
  expect(parseRange(`bytes=${ranges(1025)}`, 10_000)).toBe("all");
});

test.each([null, "lines=0-9", ""])("the Range header '%s' means the whole body", (header) => {
  expect(parseRange(header, SIZE)).toBe("all");
});

test.each(["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=100-,200-,-0"])(
  "the Range header '%s' can't be satisfied from a body of 100 bytes",
  (header) => {
    expect(parseRange(header, SIZE)).toBe("unsatisfiable");
  },
);

test.each([
  "bytes=",
  "bytes=,",
  "bytes=-",
  "bytes=a-b",
  "bytes=9-1",
  "bytes=1-2,x",
  "bytes=--1",
  "bytes=0-9,9-1",
])("the Range header '%s' is malformed", (header) => {
  expect(parseRange(header, SIZE)).toBe("malformed");
  expect(parseRange(header, 0)).toBe("malformed");
});

test("every Range of an empty body means the whole body", () => {
  for (const header of ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=5-9,20-"])
    expect(parseRange(header, 0)).toBe("all");
});

test("the Content-Range of an upload's chunk has a first and a last byte and nothing else", () => {
  expect(parseContentRange("0-1023")).toEqual({ first: 0, last: 1023 });
  for (const wrong of ["", "bytes 0-1023/2048", "5-4", "-5", "5-", "1e3-2e3", `0-${"9".repeat(16)}`])
    expect([wrong, parseContentRange(wrong)]).toEqual([wrong, undefined]);
});
