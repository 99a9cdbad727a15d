import type { Standing } from "./failure-limiter.ts";

/** Maximal waiting items: for known networks, … */
const MAX_KNOWN = 512;
/** … for new networks, one for each, … */
const MAX_NEWCOMERS = 256;
/** … and for all others. */
const MAX_OTHERS = 256;

interface Newcomer<T> {
  readonly item: T;
  readonly network: string;
}

/**
 * A fair queue of password comparisons. Networks take turns, so that a flood from one delays only that one. Known networks
 * come first, but every kind has a share. Among new networks, the latest is first: in a flood, a few wait briefly, instead
 * of all too long.
 */
export class WaitingLine<T> {
  readonly #known = new Lanes<T>(MAX_KNOWN);
  readonly #newcomers: Newcomer<T>[] = [];
  readonly #others = new Lanes<T>(MAX_OTHERS);
  #turn = 0;

  /** Adds an item; returns the item that was dropped for it, possibly itself. */
  add(item: T, network: string, standing: Standing): T | undefined {
    if (standing === "known") return this.#known.add(item, network);
    if (standing === "failed" || this.#newcomers.some((other) => other.network === network))
      return this.#others.add(item, network);
    this.#newcomers.push({ item, network });
    return this.#newcomers.length > MAX_NEWCOMERS ? this.#newcomers.shift()?.item : undefined;
  }

  next(): T | undefined {
    const turn = this.#turn++ % 8;
    const known = () => this.#known.next();
    const newcomer = () => this.#newcomers.pop()?.item;
    const other = () => this.#others.next();
    const strangers = turn % 2 === 0 ? [newcomer, other] : [other, newcomer];
    const order = turn === 3 || turn === 4 ? [...strangers, known] : [known, ...strangers];
    for (const take of order) {
      const item = take();
      if (item !== undefined) return item;
    }
    return undefined;
  }
}

/** One queue for each network; the networks take turns. */
class Lanes<T> {
  readonly #max: number;
  /** In order of their next turn; no lane is empty. */
  readonly #lanes = new Map<string, T[]>();
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** When full, drops the last item of the longest lane. */
  add(item: T, network: string): T | undefined {
    const lane = this.#lanes.get(network);
    if (this.#size < this.#max) {
      this.#append(item, network, lane);
      return undefined;
    }
    let longest: T[] = lane ?? [];
    for (const other of this.#lanes.values()) if (other.length > longest.length) longest = other;
    if (longest.length <= (lane?.length ?? 0) + 1) return item;
    this.#size--;
    const dropped = longest.pop();
    this.#append(item, network, lane);
    return dropped;
  }

  next(): T | undefined {
    for (const [network, lane] of this.#lanes) {
      this.#lanes.delete(network);
      const item = lane.shift();
      if (lane.length > 0) this.#lanes.set(network, lane);
      this.#size--;
      return item;
    }
    return undefined;
  }

  #append(item: T, network: string, lane: T[] | undefined): void {
    this.#size++;
    if (lane) lane.push(item);
    else this.#lanes.set(network, [item]);
  }
}
