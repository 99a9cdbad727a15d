import type { ObjectId } from "../../git/object-id.ts";
import type { Branch, ObjectStore, Publication, RefStore } from "../objects.ts";
import { MAIN_REF } from "./repository.ts";

/** Publishes by storing the objects and then moving the ref. */
export class DirectBranch implements Branch {
  readonly hasUnseen = false;
  readonly isFlushDue = false;
  readonly #objects: Pick<ObjectStore, "put">;
  readonly #refs: Pick<RefStore, "read" | "compareAndSwap">;

  constructor(objects: Pick<ObjectStore, "put">, refs: Pick<RefStore, "read" | "compareAndSwap">) {
    this.#objects = objects;
    this.#refs = refs;
  }

  read(): Promise<ObjectId | undefined> {
    return this.#refs.read(MAIN_REF);
  }

  async publish({ objects, expected, next, stored }: Publication): Promise<boolean> {
    // Checked by the swap as well; here it spares writing objects that nothing would refer to.
    if ((await this.read()) !== expected) return false;
    // Both are made ready together; the branch moves once the objects are durable.
    const ready = this.#objects.put(objects);
    if (!(await this.#refs.compareAndSwap(MAIN_REF, expected, next, ready))) return false;
    stored();
    return true;
  }

  async flush(): Promise<void> {}

  close(): void {}
}
