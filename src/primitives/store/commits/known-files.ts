import type { ObjectId } from "../git/object-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { type CommitMeta, StaleReadError, type Store } from "./store.ts";
import type { StorePath } from "./store-path.ts";
import type { Change } from "./tree-edit.ts";

/** Stock git has changed a file that the server keeps in memory; nothing was written over it. */
export class ChangedWithGitError extends StaleReadError {
  override readonly name = "ChangedWithGitError";
  constructor(path: StorePath) {
    super(path);
    this.message = `'${path}' was changed with git and is not taken over yet: '/config reload' does that`;
  }
}

/** Files of a store that are kept in memory and that stock git may change as well: what it changed is never written over. */
export class KnownFiles {
  readonly #store: Store;
  #read: Snapshot;
  /** Files that were written since, with what they hold. */
  readonly #written = new Map<StorePath, ObjectId | undefined>();

  /** `read` is the state that is in memory. */
  constructor(store: Store, read: Snapshot) {
    this.#store = store;
    this.#read = read;
  }

  /** Another state is in memory. */
  replace(read: Snapshot): void {
    this.#read = read;
    this.#written.clear();
  }

  /** Throws `ChangedWithGitError` where a file is not what is in memory. One commit at a time. */
  async commit(changes: readonly Change[], meta: CommitMeta): Promise<void> {
    const { commitId } = await this.#store.transact(async (parent) => {
      for (const { path } of changes) {
        const known = this.#written.has(path) ? this.#written.get(path) : await this.#read.fileId(path);
        if ((await parent.fileId(path)) !== known) throw new ChangedWithGitError(path);
      }
      return { changes, ...meta };
    });
    const now = commitId && (await this.#store.at(commitId));
    for (const { path } of changes) this.#written.set(path, await now?.fileId(path));
  }
}
