import { CorruptObjectError } from "./object.ts";

/** Rebuilds an object from `base` and a delta (gitformat-pack, "Deltified representation"). Throws `CorruptObjectError`. */
export function applyDelta(base: Uint8Array, delta: Uint8Array): Uint8Array {
  let at = 0;
  const byte = (): number => {
    const value = delta[at++];
    if (value === undefined) throw new CorruptObjectError("a delta", "it is truncated");
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
  // The bits of `flags` say which of up to `count` little-endian bytes are present.
  const sparse = (flags: number, count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) if (flags & (1 << i)) value += byte() * 256 ** i;
    return value;
  };

  if (size() !== base.length) throw new CorruptObjectError("a delta", "the size of its base differs");
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
