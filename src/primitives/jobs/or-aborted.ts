/** Waits for `work`, but no longer than until `signal` is aborted; the outcome of the work is ignored then. */
export async function orAborted(work: Promise<unknown> | undefined, signal?: AbortSignal): Promise<void> {
  if (!work || !signal) {
    await work;
    return;
  }
  if (signal.aborted) {
    work.catch(() => undefined);
    return;
  }
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  signal.addEventListener("abort", end, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", end);
    work.catch(() => undefined);
  }
}
