import type { Release } from "../../release.ts";
import type { Store } from "./store.ts";

/**
 * Keeps the files of several stores unchanged for a backup, until the returned function is called. If one can't be held, or
 * `signal` is aborted first, it releases all and rejects.
 */
export async function holdStores(
  stores: readonly Pick<Store, "hold">[],
  signal: AbortSignal,
): Promise<Release> {
  signal.throwIfAborted();
  const holds = stores.map((store) => store.hold());
  const releaseAll = () => {
    for (const hold of holds)
      hold.then(
        (release) => release(),
        () => undefined,
      );
  };
  const gone = Promise.withResolvers<never>();
  const onAbort = () => gone.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([Promise.all(holds), gone.promise]);
    return releaseAll;
  } catch (error) {
    releaseAll();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
