import { OverloadedError } from "../bounds/semaphore.ts";
import { type ErrorClasses, type PackedError, packError, unpackError } from "./packed-error.ts";
import type { Methods, Remote, Service } from "./service.ts";

interface Call {
  /** The service, which one of several, and the method. */
  readonly to: string;
  readonly key: readonly unknown[];
  readonly method: string;
  readonly args: readonly unknown[];
}

type Item =
  | ({ readonly kind: "call"; readonly id: number } & Call)
  | ({ readonly kind: "notice" } & Call)
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly error: PackedError };

/** The other thread has ended, so there will be no reply. */
export class ThreadEndedError extends Error {
  constructor() {
    super("the thread that was called has ended");
    this.name = "ThreadEndedError";
  }
}

/** The other thread did not reply in time; it may still execute the call. */
export class CallTimeoutError extends Error {
  constructor(call: string, timeoutMs: number) {
    super(`the call ${call} was not answered within ${timeoutMs} ms`);
    this.name = "CallTimeoutError";
  }
}

export interface CallPortOptions {
  readonly post: (items: readonly unknown[]) => void;
  /** Called when a notice fails; `call` is its service and method. */
  readonly onFailure: (call: string, error: unknown) => void;
  /** The error classes that both threads know. */
  readonly errors: ErrorClasses;
  /** Maximal calls that wait for a reply. */
  readonly maxPending?: number;
}

/** More than the connections of a thread. Each waiting call holds its arguments in memory. */
const MAX_PENDING = 50_000;

type Implementation = Readonly<Record<string, (...args: unknown[]) => unknown>>;

/**
 * One end of a message channel between two threads. Each end provides services and calls those of the other. All calls of
 * one turn of the event loop are sent as one message, because waking the other thread is the main cost.
 */
export class CallPort {
  readonly #options: CallPortOptions;
  readonly #served = new Map<string, (...key: never[]) => unknown>();
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #outgoing: Item[] = [];
  #lastId = 0;
  #hasEnded = false;

  constructor(options: CallPortOptions) {
    this.#options = options;
  }

  /** Runs the other thread's calls of a service on what `find` returns for the call's key. */
  serve<T extends Methods<T>, Key extends readonly unknown[]>(
    { name }: Service<T, Key>,
    find: (...key: Key) => T,
  ): void {
    this.#served.set(name, find);
  }

  /**
   * A service of the other thread. Its calls reject with the error thrown there, with `ThreadEndedError`, or with
   * `OverloadedError` if too many calls are waiting.
   */
  remote<T extends Methods<T>, Key extends readonly unknown[]>(
    service: Service<T, Key>,
    ...key: Key
  ): Remote<T> {
    return this.#remote(service, key, undefined);
  }

  /** The same, whose calls reject with `CallTimeoutError` after that time. */
  remoteWithin<T extends Methods<T>, Key extends readonly unknown[]>(
    timeoutMs: number,
    service: Service<T, Key>,
    ...key: Key
  ): Remote<T> {
    return this.#remote(service, key, timeoutMs);
  }

  /** Processes a message from the other end. */
  receive(items: readonly Item[]): void {
    for (const item of items) this.#receiveItem(item);
  }

  /** Call this when the other thread has ended: rejects all waiting and later calls. */
  end(): void {
    this.#hasEnded = true;
    for (const pending of this.#pending.values()) pending.reject(new ThreadEndedError());
    this.#pending.clear();
  }

  #remote<T extends Methods<T>, Key extends readonly unknown[]>(
    { name: to, notices }: Service<T, Key>,
    key: Key,
    timeoutMs: number | undefined,
  ): Remote<T> {
    const methodOf = (method: string) =>
      notices.has(method)
        ? (...args: unknown[]) => this.#notify({ to, key, method, args })
        : (...args: unknown[]) => this.#call({ to, key, method, args }, timeoutMs);
    const methods = new Map<string, ReturnType<typeof methodOf>>();
    return new Proxy(Object.freeze({}), {
      get(_, name) {
        // Without this, a promise that resolves with a remote would treat it as a thenable.
        if (typeof name === "symbol" || name === "then") return undefined;
        const method = methods.get(name) ?? methodOf(name);
        methods.set(name, method);
        return method;
      },
    }) as Remote<T>;
  }

  #notify(call: Call): void {
    if (!this.#hasEnded) this.#send({ kind: "notice", ...call });
  }

  #call(call: Call, timeoutMs: number | undefined): Promise<unknown> {
    if (this.#hasEnded) return Promise.reject(new ThreadEndedError());
    if (this.#pending.size >= (this.#options.maxPending ?? MAX_PENDING))
      return Promise.reject(new OverloadedError());
    const id = ++this.#lastId;
    const pending = Promise.withResolvers<unknown>();
    this.#pending.set(id, pending);
    this.#send({ kind: "call", id, ...call });
    if (timeoutMs === undefined) return pending.promise;
    const timer = setTimeout(
      () => this.#take(id)?.reject(new CallTimeoutError(nameOf(call), timeoutMs)),
      timeoutMs,
    );
    return pending.promise.finally(() => clearTimeout(timer));
  }

  #receiveItem(item: Item): void {
    const { errors, onFailure } = this.#options;
    switch (item.kind) {
      case "call": {
        const { id } = item;
        this.#run(item).then(
          (value) => this.#send({ kind: "result", id, value }),
          (error) => this.#send({ kind: "failure", id, error: packError(error, errors) }),
        );
        return;
      }
      case "notice":
        this.#run(item).catch((error) => onFailure(nameOf(item), error));
        return;
      case "result":
        this.#take(item.id)?.resolve(item.value);
        return;
      case "failure":
        this.#take(item.id)?.reject(unpackError(item.error, errors));
    }
  }

  async #run(call: Call): Promise<unknown> {
    const { to, key, method, args } = call;
    const find = this.#served.get(to);
    const implementation = find?.(...(key as never[])) as Implementation | undefined;
    const called = implementation?.[method];
    if (typeof called !== "function") throw new Error(`there is no ${nameOf(call)} to be called`);
    return called.apply(implementation, [...args]);
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

  /** Posts each item alone if one of them can't be cloned, so that only its caller gets the error. */
  #post(items: readonly Item[]): void {
    try {
      this.#options.post(items);
    } catch (error) {
      const [item, ...others] = items;
      if (!item) return;
      if (others.length > 0) for (const each of items) this.#post([each]);
      else this.#reportUnsent(item, error);
    }
  }

  #reportUnsent(item: Item, error: unknown): void {
    const { errors, onFailure } = this.#options;
    switch (item.kind) {
      case "call":
        this.#take(item.id)?.reject(error);
        return;
      case "notice":
        onFailure(nameOf(item), error);
        return;
      case "result":
        this.#options.post([{ kind: "failure", id: item.id, error: packError(error, errors) }]);
        return;
      case "failure":
        // A packed error is plain data.
        throw error;
    }
  }
}

function nameOf({ to, method }: Call): string {
  return `${to}.${method}`;
}
