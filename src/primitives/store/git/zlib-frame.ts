const ADLER_MODULUS = 65_521;
/** Bytes after which the sums must be reduced to stay exact in a double. */
const ADLER_BLOCK = 1 << 20;
/** Deflate with the default window, fastest level (RFC 1950, section 2.2). */
const HEADER = Uint8Array.of(0x78, 0x01);

/**
 * A zlib stream as Git keeps objects in, level 0 for stored. For the many small objects of a commit this is a fraction of
 * the cost of node:zlib, which sets up a stream for each.
 */
export function zlibFrame(body: Uint8Array, level: 0 | 1): Uint8Array {
  const deflated = Bun.deflateSync(body as Uint8Array<ArrayBuffer>, { level });
  const frame = Buffer.allocUnsafe(HEADER.length + deflated.length + 4);
  frame.set(HEADER);
  frame.set(deflated, HEADER.length);
  frame.writeUInt32BE(adler32(body), HEADER.length + deflated.length);
  return frame;
}

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let start = 0; start < bytes.length; start += ADLER_BLOCK) {
    const end = Math.min(start + ADLER_BLOCK, bytes.length);
    for (let i = start; i < end; i++) {
      a += bytes[i] ?? 0;
      b += a;
    }
    a %= ADLER_MODULUS;
    b %= ADLER_MODULUS;
  }
  return b * 65_536 + a;
}
