import type { UpstreamAnswer } from "../../../registry/client/upstream-answer.ts";

const PAUSE_MS = 200;
/** A failure that took longer is not repeated: the client has waited for long enough. */
const QUICK_MS = 3000;

/**
 * Asks upstream once more where it fails at once, such as by a 5xx or a connection that breaks off: without a copy to serve, the
 * pull would fail, and not every client repeats it.
 */
export async function withSecondTry<T>(
  ask: () => Promise<UpstreamAnswer<T>>,
  pause: (ms: number) => Promise<void> = Bun.sleep,
): Promise<UpstreamAnswer<T>> {
  const began = performance.now();
  const answer = await ask();
  if (answer.kind !== "unavailable" || performance.now() - began > QUICK_MS) return answer;
  await pause(PAUSE_MS);
  return ask();
}
