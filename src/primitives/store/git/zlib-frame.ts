/** Deflate with the default window, fastest level (RFC 1950, section 2.2). */
const HEADER = Uint8Array.of(0x78, 0x01);
const CHECKSUM_BYTES = 4;
/** A stored block's header and the most that it holds (RFC 1951, section 3.2.4). */
const STORED_HEADER_BYTES = 5;
const MAX_STORED_BYTES = 65_535;

/**
 * A zlib stream as Git keeps objects in, level 0 for stored. For the many small objects of a commit this is a fraction of
 * the cost of node:zlib, which sets up a stream for each.
 */
export function zlibFrame(body: Uint8Array, level: 0 | 1): Uint8Array {
  if (level === 0) return storedFrame(body);
  const deflated = Bun.deflateSync(body as Uint8Array<ArrayBuffer>, { level });
  const frame = Buffer.allocUnsafe(HEADER.length + deflated.length + CHECKSUM_BYTES);
  frame.set(HEADER);
  frame.set(deflated, HEADER.length);
  frame.writeUInt32BE(Bun.hash.adler32(body), HEADER.length + deflated.length);
  return frame;
}

function storedFrame(body: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(body.length / MAX_STORED_BYTES));
  const frame = Buffer.allocUnsafe(
    HEADER.length + blocks * STORED_HEADER_BYTES + body.length + CHECKSUM_BYTES,
  );
  frame.set(HEADER);
  let at = HEADER.length;
  for (let block = 0; block < blocks; block++) {
    const start = block * MAX_STORED_BYTES;
    const size = Math.min(body.length - start, MAX_STORED_BYTES);
    frame[at] = block === blocks - 1 ? 1 : 0;
    frame.writeUInt16LE(size, at + 1);
    frame.writeUInt16LE(~size & 0xffff, at + 3);
    frame.set(blocks === 1 ? body : body.subarray(start, start + size), at + STORED_HEADER_BYTES);
    at += STORED_HEADER_BYTES + size;
  }
  frame.writeUInt32BE(Bun.hash.adler32(body), at);
  return frame;
}
