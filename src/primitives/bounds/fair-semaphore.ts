import { OverloadedError } from "./semaphore.ts";

interface Waiter {
  readonly enter: () => void;
  readonly refuse: (error: Error) => void;
}

export interface FairSemaphoreOptions {
  /** Operations that run at once. */
  readonly slots: number;
  /** Those of one owner. */
  readonly slotsOfOwner: number;
  /** Operations that wait, of all owners. */
  readonly maxWaiting: number;
}

/**
 * Runs a limited number of operations at once, and queues a limited number. Owners take turns. When the queue is full, the owner
 * with the most waiting operations loses its newest to an owner with fewer. So no owner can keep others waiting with many or slow operations.
 */
export class FairSemaphore {
  readonly #options: FairSemaphoreOptions;
  /** Running operations of each owner that has any. */
  readonly #running = new Map<string, number>();
  #used = 0;
  /** The queue of each owner that waits; the owner whose turn is next is first. */
  readonly #queues = new Map<string, Waiter[]>();
  #waiting = 0;

  constructor(options: FairSemaphoreOptions) {
    this.#options = options;
  }

  /** Rejects with `OverloadedError` if the queue has no room for the operation. */
  async run<T>(owner: string, work: () => Promise<T>): Promise<T> {
    if (this.#used < this.#options.slots && this.#mayRun(owner)) this.#begin(owner);
    else await this.#wait(owner);
    try {
      return await work();
    } finally {
      this.#end(owner);
    }
  }

  #mayRun(owner: string): boolean {
    return (this.#running.get(owner) ?? 0) < this.#options.slotsOfOwner;
  }

  #begin(owner: string): void {
    this.#used++;
    this.#running.set(owner, (this.#running.get(owner) ?? 0) + 1);
  }

  #end(owner: string): void {
    this.#used--;
    const left = (this.#running.get(owner) ?? 1) - 1;
    if (left > 0) this.#running.set(owner, left);
    else this.#running.delete(owner);
    const next = [...this.#queues.keys()].find((other) => this.#mayRun(other));
    if (next === undefined) return;
    const queue = this.#queues.get(next) ?? [];
    const waiter = queue.shift();
    this.#waiting--;
    this.#queues.delete(next);
    if (queue.length > 0) this.#queues.set(next, queue);
    this.#begin(next);
    waiter?.enter();
  }

  #wait(owner: string): Promise<void> {
    const queue = this.#queues.get(owner) ?? [];
    if (this.#waiting >= this.#options.maxWaiting && !this.#dropOne(queue.length + 1))
      throw new OverloadedError();
    this.#waiting++;
    this.#queues.set(owner, queue);
    return new Promise((enter, refuse) => queue.push({ enter, refuse }));
  }

  /** Refuses the newest operation of the owner with the most waiting ones; false if none has more than `waiting`. */
  #dropOne(waiting: number): boolean {
    const [most] = [...this.#queues.values()].sort((a, b) => b.length - a.length);
    if (!most || most.length <= waiting) return false;
    this.#waiting--;
    most.pop()?.refuse(new OverloadedError());
    return true;
  }
}
