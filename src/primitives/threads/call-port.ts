/** What one thread lets another call: functions of plain data. */
type Calls<T> = { readonly [K in keyof T]: (...args: never[]) => unknown };
type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;
type Answer<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

type Item =
  | { readonly kind: "call"; readonly id: number; readonly name: string; readonly args: readonly unknown[] }
  /** A call that nobody waits for. */
  | { readonly kind: "tell"; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  /** Of the properties of an error, copying it to another thread keeps its message alone. */
  | { readonly kind: "failure"; readonly id: number; readonly error: unknown; readonly code?: string };

/** The other thread has ended; what was asked of it will not be answered. */
export class ThreadEndedError extends Error {
  constructor() {
    super("the thread that was asked has ended");
    this.name = "ThreadEndedError";
  }
}

/**
 * Both ends of a message channel between threads, each calling the other's functions. What is said in one turn of the
 * event loop travels as one message, because waking the other thread is what costs.
 */
export class CallPort<Own extends Calls<Own>, Remote extends Calls<Remote>> {
  readonly #own: Own;
  readonly #post: (items: readonly Item[]) => void;
  readonly #onFailure: (name: string, error: unknown) => void;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #outgoing: Item[] = [];
  #lastId = 0;
  #hasEnded = false;

  /** `onFailure` is told of a failed call that nobody waits for. */
  constructor(
    own: Own,
    post: (items: readonly unknown[]) => void,
    onFailure: (name: string, error: unknown) => void,
  ) {
    this.#own = own;
    this.#post = post;
    this.#onFailure = onFailure;
  }

  /** Rejects with what the other thread threw, or with `ThreadEndedError`. */
  call<K extends keyof Remote & string>(name: K, ...args: Arguments<Remote[K]>): Promise<Answer<Remote[K]>> {
    if (this.#hasEnded) return Promise.reject(new ThreadEndedError());
    const id = ++this.#lastId;
    const pending = Promise.withResolvers<unknown>();
    this.#pending.set(id, pending);
    this.#send({ kind: "call", id, name, args });
    return pending.promise as Promise<Answer<Remote[K]>>;
  }

  tell<K extends keyof Remote & string>(name: K, ...args: Arguments<Remote[K]>): void {
    if (!this.#hasEnded) this.#send({ kind: "tell", name, args });
  }

  /** Takes in a message of the other end. */
  receive(items: readonly Item[]): void {
    for (const item of items) this.#receiveItem(item);
  }

  /** Gives up what was asked of a thread that has ended. */
  end(): void {
    this.#hasEnded = true;
    for (const pending of this.#pending.values()) pending.reject(new ThreadEndedError());
    this.#pending.clear();
  }

  #receiveItem(item: Item): void {
    switch (item.kind) {
      case "call": {
        const { id } = item;
        this.#run(item.name, item.args).then(
          (value) => this.#send({ kind: "answer", id, value }),
          (error) => this.#send({ kind: "failure", id, error, ...codeOf(error) }),
        );
        return;
      }
      case "tell":
        this.#run(item.name, item.args).catch((error) => this.#onFailure(item.name, error));
        return;
      case "answer":
        this.#take(item.id)?.resolve(item.value);
        return;
      case "failure":
        if (item.error instanceof Error && item.code !== undefined)
          Object.assign(item.error, { code: item.code });
        this.#take(item.id)?.reject(item.error);
    }
  }

  async #run(name: string, args: readonly unknown[]): Promise<unknown> {
    const called: (...args: never[]) => unknown = this.#own[name as keyof Own];
    return called.apply(this.#own, args as never[]);
  }

  #take(id: number): PromiseWithResolvers<unknown> | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #send(item: Item): void {
    this.#outgoing.push(item);
    if (this.#outgoing.length > 1) return;
    queueMicrotask(() => {
      const items = this.#outgoing;
      this.#outgoing = [];
      if (!this.#hasEnded) this.#post(items);
    });
  }
}

function codeOf(error: unknown): { readonly code?: string } {
  const code = error instanceof Error && (error as { code?: unknown }).code;
  return typeof code === "string" ? { code } : {};
}
