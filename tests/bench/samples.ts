import { type Figure, median } from "./report.ts";

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
    return [...this.#samples].map(([name, byPeer]) => ({
      name,
      unit: "",
      lessIsBetter: false,
      ...this.#shapes.get(name),
      values: new Map([...byPeer].map(([peer, values]) => [peer, median(values)])),
    }));
  }
}
