import type { ObjectId } from "../git/object-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { type CommitMeta, StaleReadError, type Store } from "./store.ts";
import type { StorePath } from "./store-path.ts";
import type { Change } from "./tree-edit.ts";

/** Stock git has changed a file that the server keeps in memory; the file was not overwritten. */
export class ChangedWithGitError extends StaleReadError {
  override readonly name = "ChangedWithGitError";
  constructor(path: StorePath) {
    super(path);
    this.message = `'${path}' was changed with git and is not loaded yet; run '/config reload'`;
  }
}

/** How often a change is tried that other nodes get ahead of. */
const MAX_ATTEMPTS = 10;

/**
 * Files of a store that the server keeps in memory and that stock git or other nodes may change; their changes are never
 * overwritten.
 */
export class KnownFiles {
  readonly #store: Store;
  #read: Snapshot;
  /** Files written since, with their object ids; `undefined`: deleted. */
  readonly #written = new Map<StorePath, ObjectId | undefined>();

  /** `read` is the state that the server has in memory. */
  constructor(store: Store, read: Snapshot) {
    this.#store = store;
    this.#read = read;
  }

  /** Called when the server has read another state into memory. */
  replace(read: Snapshot): void {
    this.#read = read;
    this.#written.clear();
  }

  /** Runs a change, which ends in `commit`, again on what another node has changed meanwhile. */
  async change<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        const { catchUp } = this.#store;
        if (!(error instanceof ChangedWithGitError) || !catchUp || attempt >= MAX_ATTEMPTS) throw error;
        await catchUp();
      }
    }
  }

  /** Rejects with `ChangedWithGitError` if a file differs from memory. The caller makes one commit at a time. */
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
