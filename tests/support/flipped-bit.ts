import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** Flips one bit of a file in place. A second call restores it. */
export function flipBit(path: string, offset: number, bit: number): void {
  const fd = openSync(path, "r+");
  try {
    const byte = new Uint8Array(1);
    if (readSync(fd, byte, 0, 1, offset) !== 1) throw new Error(`${path} ends before ${offset}`);
    byte[0] = (byte[0] ?? 0) ^ (1 << bit);
    writeSync(fd, byte, 0, 1, offset);
  } finally {
    closeSync(fd);
  }
}
