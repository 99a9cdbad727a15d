/** The zlib header for deflate with the default window and the fastest level (RFC 1950, section 2.2). */
const HEADER = Uint8Array.of(0x78, 0x01);
const CHECKSUM_BYTES = 4;
/** A stored block's header, and its maximal content (RFC 1951, section 3.2.4). */
const STORED_HEADER_BYTES = 5;
const MAX_STORED_BYTES = 65_535;

/**
 * A zlib stream as Git stores objects, after `before` bytes that the caller fills. For the many small objects of a commit
 * this is much cheaper than node:zlib, which sets up a stream for each.
 */
export function zlibFrame(body: Uint8Array, compression: "deflated" | "stored", before = 0): Buffer {
  return compression === "stored" ? storedFrame(body, before) : deflatedFrame(body, before);
}

/**
 * The content of a frame that was stored, which is `size` bytes long; `undefined` if it was not, or is cut off. Bytes behind
 * the frame do not matter. The checksum is not compared: objects are compared with their names.
 */
export function readStoredFrame(frame: Uint8Array, size: number): Uint8Array | undefined {
  if (frame[0] !== HEADER[0] || frame[1] !== HEADER[1]) return undefined;
  const body = new Uint8Array(size);
  let filled = 0;
  for (let at = HEADER.length; ; ) {
    const kind = frame[at];
    if (kind !== 0 && kind !== 1) return undefined;
    const length = (frame[at + 1] ?? 0) | ((frame[at + 2] ?? 0) << 8);
    at += STORED_HEADER_BYTES;
    if (filled + length > size || at + length > frame.length) return undefined;
    body.set(frame.subarray(at, at + length), filled);
    filled += length;
    at += length;
    if (kind === 1) return filled === size ? body : undefined;
  }
}

function deflatedFrame(body: Uint8Array, before: number): Buffer {
  const deflated = Bun.deflateSync(body as Uint8Array<ArrayBuffer>, { level: 1 });
  const frame = allocateFrame(before, deflated.length);
  frame.set(deflated, before + HEADER.length);
  frame.writeUInt32BE(Bun.hash.adler32(body), frame.length - CHECKSUM_BYTES);
  return frame;
}

function storedFrame(body: Uint8Array, before: number): Buffer {
  const blocks = Math.max(1, Math.ceil(body.length / MAX_STORED_BYTES));
  const frame = allocateFrame(before, blocks * STORED_HEADER_BYTES + body.length);
  let at = before + HEADER.length;
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

function allocateFrame(before: number, dataBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(before + HEADER.length + dataBytes + CHECKSUM_BYTES);
  frame.set(HEADER, before);
  return frame;
}
