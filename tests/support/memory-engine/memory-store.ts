import type { Branch } from "../../../src/primitives/store/engine/branch.ts";
import type { ObjectStore } from "../../../src/primitives/store/engine/objects.ts";
import type { GitObject, NamedObject } from "../../../src/primitives/store/git/object.ts";
import type { ObjectId } from "../../../src/primitives/store/git/object-id.ts";

/** Objects and a branch in memory, with hooks that delay or fail what an engine would do. */
export class MemoryStore {
  readonly known = new Map<ObjectId, GitObject>();
  /** What each call of `put` was given. */
  readonly batches: (readonly NamedObject[])[] = [];
  head: ObjectId | undefined;
  /** Runs before a batch is stored; what it throws is the engine's failure. */
  beforePut: (batch: number) => Promise<void> = async () => undefined;
  /** Runs before the branch is moved, as when another node moves it. */
  beforeSwap: () => void = () => undefined;
  readonly #watchers = new Map<Branch, Set<() => void>>();

  readonly objects: ObjectStore = {
    get: async (id) => this.known.get(id),
    has: async (id) => this.known.has(id),
    put: async (added) => {
      this.batches.push(added);
      await this.beforePut(this.batches.length);
      for (const object of added) this.known.set(object.id, object);
    },
    list: () => this.#pages(),
    verify: async () => [],
    close: async () => undefined,
  };

  readonly branch = this.openBranch();

  async *#pages(): AsyncGenerator<readonly ObjectId[]> {
    yield [...this.known.keys()];
  }

  /** The branch as another node opens it. */
  openBranch(): Branch {
    const watchers = new Set<() => void>();
    const branch: Branch = {
      read: async () => this.head,
      refresh: async () => this.head,
      publish: async ({ objects, expected, next, stored }) => {
        if (this.head !== expected) return false;
        await this.objects.put(objects);
        this.beforeSwap();
        if (this.head !== expected) return false;
        this.head = next;
        stored();
        for (const [other, all] of this.#watchers) if (other !== branch) for (const moved of all) moved();
        return true;
      },
      whenReady: () => undefined,
      watch: (moved) => {
        watchers.add(moved);
        return () => watchers.delete(moved);
      },
      contended: () => new Error("the branch was moved again and again"),
      lost: (newest) => new Error(`the branch is gone; it was at ${newest}`),
      close: async () => undefined,
    };
    this.#watchers.set(branch, watchers);
    return branch;
  }
}
