import { nextTurn } from "./next-turn.ts";

/** How long work has the thread for itself (ms). */
const TURN_MS = 2;

/** Does work whose steps are short, and lets others have the thread in between. */
export async function inTurns<T>(steps: Generator<void, T>): Promise<T> {
  let turned = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() - turned < TURN_MS) continue;
    await nextTurn();
    turned = performance.now();
  }
}

/** Does all of it at once. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** A SHA-256 in short steps. */
export function* sha256Steps(...chunks: readonly Uint8Array[]): Generator<void, Uint8Array<ArrayBuffer>> {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += HASHED_BYTES) {
      hasher.update(chunk.subarray(at, at + HASHED_BYTES));
      yield;
    }
  }
  return new Uint8Array(hasher.digest());
}

/** Bytes in one step. */
const HASHED_BYTES = 1024 * 1024;
