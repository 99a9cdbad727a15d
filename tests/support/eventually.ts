const PATIENCE_MS = 10_000;
const PAUSE_MS = 10;

/** Waits until something that happens beside the test holds, for ten seconds unless it needs longer; false if it never does. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<boolean> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await Bun.sleep(PAUSE_MS)) {
    if (await holds()) return true;
  }
  return false;
}
