import { ObjectReader } from "../../../commits/object-reader.ts";
import { Snapshot } from "../../../commits/snapshot.ts";
import type { Commit } from "../../../git/commit.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import { LocalObjects } from "../local-objects.ts";
import { LocalRefs } from "../local-refs.ts";
import { MAIN_REF } from "../repository.ts";

/** The commits of a store's directory that nobody writes to, such as a copy; nothing is changed there. */
export class StoredCommits {
  /** The newest commit, if there is one. */
  readonly head: ObjectId | undefined;
  readonly #objects: LocalObjects;
  readonly #reader: ObjectReader;

  private constructor(objects: LocalObjects, head: ObjectId | undefined) {
    this.#objects = objects;
    this.#reader = new ObjectReader(objects);
    this.head = head;
  }

  /** Rejects with `CorruptObjectError` where the branch makes no sense. */
  static async open(dir: string): Promise<StoredCommits> {
    const head = await new LocalRefs(dir).read(MAIN_REF);
    return new StoredCommits(new LocalObjects(`${dir}/objects`), head);
  }

  /** Rejects with `CorruptObjectError` if the commit can't be read. */
  async at(id: ObjectId): Promise<Snapshot> {
    return new Snapshot(this.#reader, id, await this.#reader.commit(id));
  }

  /** The commit itself. Rejects with `CorruptObjectError` if it can't be read. */
  commitAt(id: ObjectId): Promise<Commit> {
    return this.#reader.commit(id);
  }

  close(): Promise<void> {
    return this.#objects.close();
  }
}
