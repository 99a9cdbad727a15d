import { type Figure, median, ratioOf } from "./report.ts";

/** How much slower than the earlier commit a figure may be. */
const BUDGET = 0.05;
/** With fewer, chance decides. */
const MIN_ROUNDS = 3;

/** What was measured of each registry, in the order in which it was first. */
export class Samples {
  readonly #samples = new Map<string, Map<string, number[]>>();
  readonly #shapes = new Map<string, Pick<Figure, "unit" | "lessIsBetter">>();

  record(name: string, unit: string, peer: string, value: number, lessIsBetter = false): void {
    this.#shapes.set(name, { unit, lessIsBetter });
    const byPeer = this.#samples.get(name) ?? new Map<string, number[]>();
    this.#samples.set(name, byPeer);
    byPeer.set(peer, [...(byPeer.get(peer) ?? []), value]);
    console.error(`  ${name}: ${peer} ${value.toFixed(2)} ${unit}`);
  }

  /** Their medians. */
  figures(): Figure[] {
    return [...this.#samples].map(([name, byPeer]) =>
      this.#figure(name, new Map([...byPeer].map(([peer, values]) => [peer, median(values)]))),
    );
  }

  /** The figures of `ours` that were worse than those of `theirs` in each round, and by more than the budget in their median. */
  regressions(ours: string, theirs: string): string[] {
    return [...this.#samples].flatMap(([name, byPeer]) => {
      const before = byPeer.get(theirs) ?? [];
      const figure = this.#figure(name, new Map());
      const ratios = (byPeer.get(ours) ?? []).map((own, i) => ratioOf(figure, own, before[i] ?? own));
      const middle = median(ratios);
      const isWorse = ratios.every((ratio) => ratio < 1) && middle < 1 - BUDGET;
      if (ratios.length < MIN_ROUNDS || !isWorse) return [];
      return [
        `${name}: ${middle.toFixed(2)} times ${theirs}, in ${ratios.length} rounds of ${ratios.length}`,
      ];
    });
  }

  #figure(name: string, values: ReadonlyMap<string, number>): Figure {
    return { name, unit: "", lessIsBetter: false, ...this.#shapes.get(name), values };
  }
}
