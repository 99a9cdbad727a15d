import { expect, test } from "bun:test";
import { parseContentRange, parseRange } from "../../../src/registry/requests/byte-range.ts";

const SIZE = 100;

test.each([
  ["bytes=0-9", { first: 0, last: 9 }],
  ["bytes=90-", { first: 90, last: 99 }],
  ["bytes=90-1000", { first: 90, last: 99 }],
  ["bytes=-10", { first: 90, last: 99 }],
  ["bytes=-1000", { first: 0, last: 99 }],
  ["BYTES=0-0", { first: 0, last: 0 }],
])("the Range header '%s' names the bytes of a body of 100 bytes", (header, range) => {
  expect(parseRange(header, SIZE)).toEqual(range);
});

test.each([null, "lines=0-9", "bytes=0-9,20-29"])("the Range header '%s' means the whole body", (header) => {
  expect(parseRange(header, SIZE)).toBe("all");
});

test.each(["bytes=100-", "bytes=100-200", "bytes=-0"])(
  "the Range header '%s' can't be satisfied from a body of 100 bytes",
  (header) => {
    expect(parseRange(header, SIZE)).toBe("unsatisfiable");
  },
);

test.each(["bytes=", "bytes=a-b", "bytes=9-1", "bytes=1-2,x", "bytes=--1"])(
  "the Range header '%s' is malformed",
  (header) => {
    expect(parseRange(header, SIZE)).toBe("malformed");
  },
);

test("no Range of an empty body can be satisfied", () => {
  for (const header of ["bytes=0-", "bytes=-1"]) expect(parseRange(header, 0)).toBe("unsatisfiable");
});

test("the Content-Range of an upload's chunk has a first and a last byte and nothing else", () => {
  expect(parseContentRange("0-1023")).toEqual({ first: 0, last: 1023 });
  for (const wrong of ["", "bytes 0-1023/2048", "5-4", "-5", "5-", "1e3-2e3", `0-${"9".repeat(16)}`])
    expect([wrong, parseContentRange(wrong)]).toEqual([wrong, undefined]);
});
