const PATIENCE_MS = 10_000;
const PAUSE_MS = 10;

/** Waits for something that happens beside the test; what it is not after ten seconds, it will not become. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await Bun.sleep(PAUSE_MS)) {
    if (await holds()) return true;
  }
  return false;
}
