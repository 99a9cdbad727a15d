import type { Branch } from "../objects.ts";

/** Pause before what could not be shown to others is tried again without new commits. */
const RETRY_MS = 1000;

/** Something that the disk does while others go on; `done` never rejects. */
export interface DiskWork {
  readonly done: Promise<void>;
  isOver: boolean;
}

/**
 * Has stock git see what a branch has published. What can't be shown yet stays durable and known to us; it is tried again
 * with the next commits, and soon.
 */
export class BranchFlush {
  readonly #branch: Branch;
  readonly #failed: (error: unknown) => void;
  readonly #wake: () => void;
  /** Who waits for all that was published to be seen by others. */
  readonly #settling: PromiseWithResolvers<void>[] = [];
  #isFailing = false;
  #retry: Timer | undefined;

  /** `failed` is told of the first failure of several; `wake` is called when `start` should be called again. */
  constructor(branch: Branch, failed: (error: unknown) => void, wake: () => void) {
    this.#branch = branch;
    this.#failed = failed;
    this.#wake = wake;
  }

  /** Whether a caller waits for it. */
  get isAwaited(): boolean {
    return this.#settling.length > 0;
  }

  get isDue(): boolean {
    return this.#branch.isFlushDue || this.isAwaited;
  }

  /** Resolves when stock git sees all that was published before. */
  settle(): Promise<void> {
    const settling = Promise.withResolvers<void>();
    this.#settling.push(settling);
    this.#wake();
    return settling.promise;
  }

  start(): DiskWork {
    const done = this.#flush().finally(() => {
      work.isOver = true;
    });
    const work: DiskWork = { done, isOver: false };
    return work;
  }

  close(): void {
    clearTimeout(this.#retry);
  }

  async #flush(): Promise<void> {
    const settling = this.#settling.splice(0);
    try {
      await this.#branch.flush();
      this.#isFailing = false;
      for (const { resolve } of settling) resolve();
    } catch (error) {
      if (!this.#isFailing) this.#failed(error);
      this.#isFailing = true;
      this.#retry ??= setTimeout(() => this.#tryAgain(), RETRY_MS).unref();
      for (const { reject } of settling) reject(error);
    }
  }

  #tryAgain(): void {
    this.#retry = undefined;
    this.#wake();
  }
}
