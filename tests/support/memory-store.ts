import { DirectBranch } from "../../src/primitives/store/engine/local/direct-branch.ts";
import type { Branch, ObjectStore, RefStore } from "../../src/primitives/store/engine/objects.ts";
import type { GitObject, NamedObject } from "../../src/primitives/store/git/object.ts";
import type { ObjectId } from "../../src/primitives/store/git/object-id.ts";

/** Objects and one ref in memory, with hooks to delay or break what a disk would do. */
export class MemoryStore {
  readonly known = new Map<ObjectId, GitObject>();
  /** What each call of `put` was given. */
  readonly batches: (readonly NamedObject[])[] = [];
  head: ObjectId | undefined;
  /** Runs before a batch is stored; what it throws is the disk's failure. */
  beforePut: (batch: number) => Promise<void> = async () => undefined;
  /** Runs before the ref is swapped, as when stock git moves it. */
  beforeSwap: () => void = () => undefined;

  readonly objects: ObjectStore = {
    get: async (id) => this.known.get(id),
    has: async (id) => this.known.has(id),
    put: async (added) => {
      this.batches.push(added);
      await this.beforePut(this.batches.length);
      for (const object of added) this.known.set(object.id, object);
    },
    fileProblems: async () => [],
    hold: () => () => undefined,
    close: async () => undefined,
  };

  get branch(): Branch {
    return new DirectBranch(this.objects, this.refs);
  }

  readonly refs: RefStore = {
    read: async () => this.head,
    compareAndSwap: async (_ref, expected, next, ready) => {
      await ready;
      this.beforeSwap();
      if (this.head !== expected) return false;
      this.head = next;
      return true;
    },
  };
}
