/** How long a node may let the others wait for its move, in milliseconds. */
const TURN_MS = 2000;

interface Turn {
  readonly node: string;
  /** Since when it is the first, by this node's clock. */
  since: number;
}

/**
 * Who may move the branch next, where several nodes want to. A node that lost several races asks for a turn with an entry
 * of the log. All nodes see these in the same order, and let each have its move before they move the branch themselves, for
 * a limited time each. This makes the log fair to slow and distant nodes; it plays no part in what is correct.
 */
export class Turns {
  readonly #node: string;
  readonly #now: () => number;
  #waiting: Turn[] = [];

  constructor(node: string, now: () => number) {
    this.#node = node;
    this.#now = now;
  }

  /** To be called with each entry of the log, in their order. */
  applied(entry: { readonly node: string; readonly move?: unknown; readonly asksForTurn: boolean }): void {
    if (entry.move !== undefined) {
      const index = this.#waiting.findIndex(({ node }) => node === entry.node);
      if (index >= 0) this.#remove(index);
    }
    if (entry.asksForTurn) this.#waiting.push({ node: entry.node, since: this.#now() });
  }

  /** Whether this node may move the branch now. */
  get isMine(): boolean {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (first.node === this.#node) return true;
      if (this.#now() - first.since < TURN_MS) return false;
      this.#remove(0);
    }
    return true;
  }

  /** Whether this node waits for a turn, or has it. */
  get isAsked(): boolean {
    return this.#waiting.some(({ node }) => node === this.#node);
  }

  /** Forgets all turns: those of entries that were read late. */
  clear(): void {
    this.#waiting = [];
  }

  #remove(index: number): void {
    this.#waiting.splice(index, 1);
    const [first] = this.#waiting;
    if (index === 0 && first) first.since = this.#now();
  }
}
