import { BranchLockedError } from "../../../fs/storage-trouble.ts";
import type { Release } from "../../../release.ts";
import { CorruptObjectError } from "../../git/object.ts";
import type { ObjectId } from "../../git/object-id.ts";
import type { Branch, BranchMove } from "../branch.ts";
import { JournaledBranch, type JournaledBranchOptions } from "./journaled-branch.ts";
import { MAIN_REF } from "./repository.ts";

/** How long nothing is published before the commits in the journal are shown to stock git. */
const IDLE_MS = 5;
/** Pause before what could not be shown to stock git is tried again without new commits. */
const RETRY_MS = 1000;

export interface LocalBranchOptions extends JournaledBranchOptions {
  /** Called with the first error of several when commits that are durable could not be shown to stock git. */
  readonly flushFailed: (error: unknown) => void;
}

/**
 * The branch of a store on a local disk. Decides when stock git is to see what was published: soon after the last of many
 * commits, or now and then while there is no end of them. What can't be shown yet stays durable in the journal; it is tried
 * again with the next commits, and soon.
 */
export class LocalBranch implements Branch {
  readonly #journaled: JournaledBranch;
  readonly #failed: (error: unknown) => void;
  #isPublishing = false;
  /** When the last move was published (ms). */
  #published = 0;
  /** Never rejects. */
  #flushing: Promise<void> | undefined;
  #idle: Timer | undefined;
  #retry: Timer | undefined;
  #isFailing = false;
  #isClosed = false;
  /** Callers that wait until stock git sees all that was published. */
  readonly #waiting: PromiseWithResolvers<void>[] = [];

  private constructor(journaled: JournaledBranch, failed: (error: unknown) => void) {
    this.#journaled = journaled;
    this.#failed = failed;
  }

  /** See `JournaledBranch.open`. */
  static async open({ flushFailed, ...options }: LocalBranchOptions): Promise<LocalBranch> {
    return new LocalBranch(await JournaledBranch.open(options), flushFailed);
  }

  read(): Promise<ObjectId | undefined> {
    return this.#journaled.read();
  }

  refresh(): undefined {
    return undefined;
  }

  async publish(move: BranchMove): Promise<boolean> {
    while (this.#flushing !== undefined) await this.#flushing;
    this.#isPublishing = true;
    try {
      return await this.#journaled.publish(move);
    } finally {
      this.#isPublishing = false;
      this.#published = performance.now();
      if (this.#waiting.length > 0) this.#startFlush();
      else if (this.#journaled.hasUnseen) this.#idle ??= setTimeout(() => this.#flushIfIdle(), IDLE_MS);
    }
  }

  whenReady(): Promise<void> | undefined {
    if (this.#flushing === undefined && this.#journaled.isFlushDue) this.#startFlush();
    return this.#flushing;
  }

  /** Resolves when stock git sees all that was published before. */
  flushed(): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    this.#startFlush();
    return waiting.promise;
  }

  /** Does nothing: this process alone has the store open, and the writer finds what stock git has moved with its next move. */
  watch(): Release {
    return () => undefined;
  }

  contended(): Error {
    return new BranchLockedError(MAIN_REF);
  }

  lost(newest: ObjectId): Error {
    const remedy = `it is gone; 'git update-ref ${MAIN_REF} ${newest}' puts it back`;
    return new CorruptObjectError(`the branch ${MAIN_REF}`, remedy);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#idle);
    clearTimeout(this.#retry);
    while (this.#flushing !== undefined) await this.#flushing;
    if (this.#journaled.hasUnseen) this.#startFlush();
    // A caller of `flushed` may have started another one meanwhile.
    while (this.#flushing !== undefined) await this.#flushing;
    clearTimeout(this.#retry);
    this.#journaled.close();
  }

  /** Not while a move is being published: its end starts it then. */
  #startFlush(): void {
    if (this.#isPublishing || this.#flushing !== undefined) return;
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = undefined;
      if (this.#waiting.length > 0) this.#startFlush();
    });
  }

  #flushIfIdle(): void {
    this.#idle = undefined;
    // The end of the move that is being published starts another timer.
    if (this.#isPublishing) return;
    const left = this.#published + IDLE_MS - performance.now();
    if (left > 0) this.#idle = setTimeout(() => this.#flushIfIdle(), Math.ceil(left));
    else this.#startFlush();
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    try {
      await this.#journaled.flush();
      this.#isFailing = false;
      for (const { resolve } of waiting) resolve();
    } catch (error) {
      if (!this.#isFailing) this.#failed(error);
      this.#isFailing = true;
      this.#retry ??= setTimeout(() => this.#tryAgain(), RETRY_MS).unref();
      for (const { reject } of waiting) reject(error);
    }
  }

  #tryAgain(): void {
    this.#retry = undefined;
    this.#startFlush();
  }
}
