import { expect, test } from "bun:test";
import type { ByteRanges } from "../../../src/registry/requests/byte-range.ts";
import { MultipartRanges } from "../../../src/registry/requests/multipart-ranges.ts";
import { randomBytes } from "../../support/random-bytes.ts";

const PIECE = 64 * 1024;
const RANGES: ByteRanges = [
  { first: 0, last: 9 },
  { first: 100, last: 99 + 3 * PIECE },
  { first: 400_000, last: 449_999 },
];

/** A body as RFC 9110, section 14.6 wants it. */
function expected(whole: Uint8Array, boundary: string): Buffer {
  return Buffer.concat([
    ...RANGES.flatMap(({ first, last }, i) => [
      Buffer.from(`${i === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: text/plain\r\n`),
      Buffer.from(`Content-Range: bytes ${first}-${last}/${whole.length}\r\n\r\n`),
      whole.subarray(first, last + 1),
    ]),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

/** A Blob whose bytes are read into buffers that `read` collects. */
function watched(whole: Uint8Array<ArrayBuffer>) {
  const read: Uint8Array[] = [];
  const blob = new Blob([whole]);
  const slice = blob.slice.bind(blob);
  blob.slice = (start?: number, end?: number) => {
    const part = slice(start, end);
    part.bytes = async () => {
      const bytes = new Uint8Array(await part.arrayBuffer());
      read.push(bytes);
      return bytes;
    };
    return part;
  };
  return { blob, read };
}

test("several ranges are parts with the lines of RFC 9110, whatever the content is read from", async () => {
  const whole = new Uint8Array(randomBytes(500_000));
  const stream = ({ first, last } = { first: 0, last: whole.length - 1 }) =>
    new Blob([whole.subarray(first, last + 1)]).stream();
  for (const content of [whole, new Blob([whole]), stream]) {
    const multipart = new MultipartRanges(RANGES, whole.length, "text/plain");
    const [type, boundary = ""] = multipart.contentType.split("; boundary=");
    expect(type).toBe("multipart/byteranges");
    const body = expected(whole, boundary);
    const copies: Uint8Array[] = [];
    for await (const piece of multipart.pieces(content)) copies.push(piece.slice());
    expect(Buffer.concat(copies).equals(body)).toBe(true);
    expect(multipart.length).toBe(body.length);
  }
});

test("ranges use one buffer for all pieces, and free what they read before the next piece", async () => {
  const whole = new Uint8Array(randomBytes(500_000));
  const { blob, read } = watched(whole);
  const buffers = new Set<ArrayBufferLike>();
  for await (const piece of new MultipartRanges(RANGES, whole.length, "text/plain").pieces(blob)) {
    buffers.add(piece.buffer);
    expect(read.filter(({ length }) => length > 0).length).toBeLessThanOrEqual(1);
  }
  expect([...buffers].map(({ byteLength }) => byteLength)).toEqual([PIECE]);
  expect(read.length).toBe(5);
});

test("a file that is shorter than its ranges ends the body with an error", async () => {
  const multipart = new MultipartRanges(RANGES, 500_000, "text/plain");
  const readAll = async () => {
    for await (const piece of multipart.pieces(new Blob([randomBytes(420_000)]))) piece.fill(0);
  };
  await expect(readAll()).rejects.toThrow("cut short");
});
