/**
 * The order in which the parts of a program start and stop, as each part declares it. Files beside this one define the
 * parts of the server; they import frontends, backends and primitives, and never `server.ts`.
 */

type AnyPart<C> = Part<unknown, C>;
type Needs<C> = Readonly<Record<string, AnyPart<C>>>;
type Values<N> = { readonly [K in keyof N]: N[K] extends Part<infer T, never> ? T : never };

/** `T` is what the part provides, `C` what all parts are started with. */
export interface Part<out T, in C> {
  /** For messages, such as `HTTP`. */
  readonly name: string;
  /** What its start does, in words. */
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
  /** These are started before it, and stopped after it. */
  readonly needs: N;
  /** These are stopped before it, also those that it needs. */
  readonly stopsAfter?: readonly AnyPart<C>[];
  /** It needs these, and they are stopped at the same time as it. */
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

/** What runs the steps of a start, and later ends what was started. */
export interface Steps {
  /** Rejects without running `work` once the end was requested. */
  start<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** Has `end` called at the end, after the steps named in `after` have ended. */
  defer(name: string, end: (() => void | Promise<void>) | undefined, after: readonly string[]): void;
}

/** Parts that are started one after the other. When one fails, `Steps` ends those that were started. */
export class StartedParts<C> {
  readonly #context: C;
  readonly #steps: Steps;
  readonly #values = new Map<AnyPart<C>, unknown>();

  constructor(context: C, steps: Steps) {
    this.#context = context;
    this.#steps = steps;
  }

  /** Starts the parts in this order, each after all that it needs. Throws for parts that would stop in a circle. */
  async start(parts: readonly AnyPart<C>[]): Promise<void> {
    const order = inOrder(parts, ({ needs }) => Object.values(needs));
    inOrder(order, (part) => stoppedBefore(part, order));
    for (const part of order) await this.#start(part, stoppedBefore(part, order));
  }

  /** What the part provides; `undefined` if it has not started. */
  find<T>(part: Part<T, C>): T | undefined {
    return this.#values.get(part) as T | undefined;
  }

  /** What the part provides, which has started. */
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

/** The parts that must have stopped before this one is stopped. */
function stoppedBefore<C>(part: AnyPart<C>, all: readonly AnyPart<C>[]): AnyPart<C>[] {
  const needing = all.filter(
    ({ needs, stopsAfter, stopsBeside }) =>
      Object.values(needs).includes(part) && !stopsAfter.includes(part) && !stopsBeside.includes(part),
  );
  return [...needing, ...part.stopsAfter];
}

/** The parts and all before them, each after those before it. */
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
