import { damageIn } from "../../sqlite/database-damage.ts";
import type { Projection } from "../commits/projection.ts";
import type { Change } from "../commits/tree-edit.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { DerivedIndex } from "./derived-index.ts";

/** An index that can give way to another one for the same store, while commits go on. */
export class ReplaceableIndex implements Projection {
  #current: DerivedIndex;
  #removalsBefore = 0;
  /** What happened since a successor was brought up to a commit; `undefined` while there is none. */
  #missed: ((successor: Projection) => void)[] | undefined;
  /** Is told of errors that say that the index is damaged. */
  onDamage: (error: unknown) => void = () => undefined;

  constructor(current: DerivedIndex) {
    this.#current = current;
  }

  get current(): DerivedIndex {
    return this.#current;
  }

  get head(): ObjectId | undefined {
    return this.#current.head;
  }

  /** Moves whenever files were removed, or may have been. */
  get removals(): number {
    return this.#removalsBefore + this.#current.removals;
  }

  apply(changes: readonly Change[], head?: ObjectId): void {
    // A successor has to know as well what a damaged index can't take in.
    this.#missed?.push((successor) => successor.apply(changes, head));
    this.#watch(() => this.#current.apply(changes, head));
  }

  reset(): void {
    this.#missed?.push((successor) => successor.reset());
    this.#watch(() => this.#current.reset());
  }

  scopes(): readonly string[] {
    return this.#current.scopes();
  }

  dump(scope: string): string {
    return this.#current.dump(scope);
  }

  /**
   * Puts `successor` in its place. `bring` brings that up to the commit that is the newest when it is called; what comes
   * after is kept in memory meanwhile, so it should not be far behind.
   */
  async replace(successor: DerivedIndex, bring: () => Promise<void>): Promise<void> {
    this.#missed = [];
    try {
      await bring();
      for (const tell of this.#missed) tell(successor);
      this.#removalsBefore += this.#current.removals + 1;
      this.#current = successor;
    } finally {
      this.#missed = undefined;
    }
  }

  close(): void {
    this.#current.close();
  }

  #watch(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (damageIn(error) !== undefined) this.onDamage(error);
      throw error;
    }
  }
}
