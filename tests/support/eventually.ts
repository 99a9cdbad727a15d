const PATIENCE_MS = 10_000;
const PAUSE_MS = 10;

/** Polls a condition until it is true, for at most ten seconds. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await Bun.sleep(PAUSE_MS)) {
    if (await holds()) return true;
  }
  return false;
}
