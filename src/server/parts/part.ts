/**
 * The order in which the parts of a program start and stop, as each part declares it. Files beside this one define the
 * parts of the server; they import frontends, backends and primitives, and never `server.ts`.
 */

type AnyPart<C> = Part<unknown, C>;
type Needs<C> = Readonly<Record<string, AnyPart<C>>>;
type Values<N> = { readonly [K in keyof N]: N[K] extends Part<infer T, never> ? T : never };

/** A part that provides a `T` and starts with the context `C`. */
export interface Part<out T, in C> {
  /** Name in messages, such as `HTTP`. */
  readonly name: string;
  /** What the start does, for messages. */
  readonly starting: string;
  readonly needs: Needs<C>;
  readonly stopsAfter: readonly AnyPart<C>[];
  readonly stopsBeside: readonly AnyPart<C>[];
  start(needed: Readonly<Record<string, unknown>>, context: C): T | Promise<T>;
  readonly stop: ((value: never) => void | Promise<void>) | undefined;
}

export interface PartDefinition<T, C, N extends Needs<C>> {
  readonly name: string;
  readonly starting?: string;
  /** Parts that start before this one and stop after it. */
  readonly needs: N;
  /** Parts that stop before this one, even if it needs them. */
  readonly stopsAfter?: readonly AnyPart<C>[];
  /** Needed parts that stop at the same time as this one. */
  readonly stopsBeside?: readonly AnyPart<C>[];
  readonly start: (needed: Values<N>, context: C) => T | Promise<T>;
  readonly stop?: (value: T) => void | Promise<void>;
}

export function definePart<T, C, N extends Needs<C>>(definition: PartDefinition<T, C, N>): Part<T, C> {
  const { name, starting = `starting ${name}`, needs, start, stop } = definition;
  const { stopsAfter = [], stopsBeside = [] } = definition;
  return {
    name,
    starting,
    needs,
    stopsAfter,
    stopsBeside,
    start: (needed, context) => start(needed as Values<N>, context),
    stop,
  };
}

/** Runs the steps of a start, and later stops what was started. */
export interface Steps {
  /** Rejects without running `work` if a stop was requested. */
  start<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** Calls `end` at the stop, after the steps named in `after` have ended. */
  defer(name: string, end: (() => void | Promise<void>) | undefined, after: readonly string[]): void;
}

/** Starts parts one after the other. If one fails, `Steps` stops those that were started. */
export class StartedParts<C> {
  readonly #context: C;
  readonly #steps: Steps;
  readonly #values = new Map<AnyPart<C>, unknown>();

  constructor(context: C, steps: Steps) {
    this.#context = context;
    this.#steps = steps;
  }

  /** Starts the parts in this order, each after the parts it needs. Rejects if the stop order has a cycle. */
  async start(parts: readonly AnyPart<C>[]): Promise<void> {
    const order = inOrder(parts, ({ needs }) => Object.values(needs));
    inOrder(order, (part) => stoppedBefore(part, order));
    for (const part of order) await this.#start(part, stoppedBefore(part, order));
  }

  /** Returns what the part provides; `undefined` if it has not started. */
  find<T>(part: Part<T, C>): T | undefined {
    return this.#values.get(part) as T | undefined;
  }

  /** Returns what the part provides. Throws if it has not started. */
  value<T>(part: Part<T, C>): T {
    if (!this.#values.has(part)) throw new Error(`${part.name} has not started`);
    return this.#values.get(part) as T;
  }

  async #start(part: AnyPart<C>, stoppedFirst: readonly AnyPart<C>[]): Promise<void> {
    const { name, starting, needs, stop } = part;
    const needed = Object.fromEntries(
      Object.entries(needs).map(([key, other]) => [key, this.#values.get(other)]),
    );
    const value = await this.#steps.start(starting, () => part.start(needed, this.#context));
    this.#values.set(part, value);
    const after = stoppedFirst.map((other) => other.name);
    this.#steps.defer(name, stop && (() => stop(value as never)), after);
  }
}

/** The parts that must stop before this one. */
function stoppedBefore<C>(part: AnyPart<C>, all: readonly AnyPart<C>[]): AnyPart<C>[] {
  const needing = all.filter(
    ({ needs, stopsAfter, stopsBeside }) =>
      Object.values(needs).includes(part) && !stopsAfter.includes(part) && !stopsBeside.includes(part),
  );
  return [...needing, ...part.stopsAfter];
}

/** Sorts the parts topologically, with all parts before them. */
function inOrder<C>(
  parts: readonly AnyPart<C>[],
  before: (part: AnyPart<C>) => readonly AnyPart<C>[],
): AnyPart<C>[] {
  const order = new Set<AnyPart<C>>();
  const visit = (part: AnyPart<C>, path: readonly AnyPart<C>[]) => {
    if (path.includes(part))
      throw new Error(
        `parts wait for each other: ${[...path, part].map((visited) => visited.name).join(", ")}`,
      );
    if (order.has(part)) return;
    for (const other of before(part)) visit(other, [...path, part]);
    order.add(part);
  };
  for (const part of parts) visit(part, []);
  return [...order];
}
