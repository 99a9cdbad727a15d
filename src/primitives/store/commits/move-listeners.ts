import type { Release } from "../../release.ts";

/** Those who want to know when something has moved. */
export class MoveListeners {
  readonly #listeners = new Set<() => void>();

  /** `listener` is called until the returned function is called. */
  add(listener: () => void): Release {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls the listeners once the caller has done what it does now. */
  tell(): void {
    if (this.#listeners.size === 0) return;
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener();
    });
  }
}
