/** Resolves once the event loop has turned: what others wait for has had its turn then. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
