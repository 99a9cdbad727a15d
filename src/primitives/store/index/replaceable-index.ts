import { damageIn } from "../../sqlite/database-damage.ts";
import type { Projection } from "../commits/projection.ts";
import type { Change } from "../commits/tree-edit.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { DerivedIndex } from "./derived-index.ts";

/** An index that can be replaced by another one for the same store while commits continue. */
export class ReplaceableIndex implements Projection {
  #current: DerivedIndex;
  #removalsBefore = 0;
  /** Changes during a replacement, for the successor; `undefined` if there is none. */
  #missed: ((successor: Projection) => void)[] | undefined;
  /** Called with errors that show that the index is damaged. */
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

  /** A counter that increases whenever files were removed, or may have been. */
  get removals(): number {
    return this.#removalsBefore + this.#current.removals;
  }

  apply(changes: readonly Change[], head?: ObjectId): void {
    // Recorded first: the successor needs the changes even if the damaged index can't apply them.
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

  addScopes(scopes: readonly string[]): void {
    this.#watch(() => this.#current.addScopes(scopes));
  }

  dump(scope: string): string {
    return this.#current.dump(scope);
  }

  /**
   * Replaces the index with `successor`. `catchUp` brings the successor to the newest commit at the time of the call; later
   * changes are kept in memory meanwhile, so the successor should not be far behind.
   */
  async replace(successor: DerivedIndex, catchUp: () => Promise<void>): Promise<void> {
    this.#missed = [];
    try {
      await catchUp();
      for (const applyTo of this.#missed) applyTo(successor);
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
