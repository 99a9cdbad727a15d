import { CorruptObjectError } from "./object.ts";

/** Rebuilds an object from `base` and a delta as stock git packs them (gitformat-pack, "Deltified representation"). */
export function applyDelta(base: Uint8Array, delta: Uint8Array): Uint8Array {
  let at = 0;
  const byte = (): number => {
    const value = delta[at++];
    if (value === undefined) throw new CorruptObjectError("a delta", "it ends too early");
    return value;
  };
  const size = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const next = byte();
      value += (next & 0x7f) * shift;
      if (next < 0x80) return value;
    }
  };
  // Which of up to `count` little-endian bytes are present is told by the bits of `flags`.
  const sparse = (flags: number, count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) if (flags & (1 << i)) value += byte() * 256 ** i;
    return value;
  };

  if (size() !== base.length) throw new CorruptObjectError("a delta", "its base has another size");
  const result = new Uint8Array(size());
  let filled = 0;
  while (at < delta.length) {
    const op = byte();
    let piece: Uint8Array;
    if (op & 0x80) {
      const offset = sparse(op & 0x0f, 4);
      const length = sparse((op >> 4) & 0x07, 3) || 0x10000;
      piece = base.subarray(offset, offset + length);
      if (piece.length !== length) throw new CorruptObjectError("a delta", "it copies from outside its base");
    } else {
      piece = delta.subarray(at, at + op);
      at += op;
    }
    if (op === 0 || filled + piece.length > result.length) {
      throw new CorruptObjectError("a delta", "it does not fit its result");
    }
    result.set(piece, filled);
    filled += piece.length;
  }
  if (filled !== result.length) throw new CorruptObjectError("a delta", "its result is too short");
  return result;
}
