/** Rejects with an error of these words if `work` takes longer than so many milliseconds; its outcome is ignored then. */
export async function within<T>(ms: number, words: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(words)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
