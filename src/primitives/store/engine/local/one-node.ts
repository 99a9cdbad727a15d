import type { NodeState, Nodes, SeenNode } from "../nodes.ts";

/** Nodes of a storage that one process uses at a time. */
export class OneNode implements Nodes {
  readonly #name: string;
  #state: (() => NodeState) | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  announce(state: () => NodeState): () => Promise<void> {
    this.#state = state;
    return async () => {
      this.#state = undefined;
    };
  }

  async list(): Promise<readonly SeenNode[]> {
    const state = this.#state?.();
    const about = { isSelf: true, seenSecondsAgo: 0, isGone: false, behindSeconds: undefined };
    return state ? [{ name: this.#name, ...about, state }] : [];
  }
}
