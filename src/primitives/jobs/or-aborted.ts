/** Waits for `work` or until `signal` is aborted; after an abort, the outcome of `work` is ignored. */
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
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    work.catch(() => undefined);
  }
}
