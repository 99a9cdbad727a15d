import type { ObjectId } from "../../git/object-id.ts";
import type { BranchMove } from "../branch.ts";
import type { ObjectStore } from "../objects.ts";
import type { LocalRefs } from "./local-refs.ts";
import { MAIN_REF } from "./repository.ts";

/** Publishes by storing the objects and then moving the ref. */
export class DirectBranch {
  readonly #objects: Pick<ObjectStore, "put">;
  readonly #refs: Pick<LocalRefs, "read" | "compareAndSwap">;

  constructor(objects: Pick<ObjectStore, "put">, refs: Pick<LocalRefs, "read" | "compareAndSwap">) {
    this.#objects = objects;
    this.#refs = refs;
  }

  read(): Promise<ObjectId | undefined> {
    return this.#refs.read(MAIN_REF);
  }

  /** False if another process has moved the ref, or holds its lock. */
  async publish({ objects, expected, next, stored }: BranchMove): Promise<boolean> {
    // Checked by the swap as well; here it spares writing objects that nothing would refer to.
    if ((await this.read()) !== expected) return false;
    // Both are made ready together; the branch moves once the objects are durable.
    const ready = this.#objects.put(objects);
    if (!(await this.#refs.compareAndSwap(MAIN_REF, expected, next, ready))) return false;
    stored();
    return true;
  }
}
