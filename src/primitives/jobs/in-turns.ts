import { nextTurn } from "./next-turn.ts";

/** How long steps have the thread for themselves (ms). */
const TURN_MS = 5;

/** Runs steps to their end, and lets others have the thread between them. */
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
