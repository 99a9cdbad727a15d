import type { GitObject, NamedObject } from "../../../git/object.ts";
import type { ObjectId } from "../../../git/object-id.ts";
import type { ObjectStore } from "../../objects.ts";
import type { StoreLog } from "./store-log.ts";

/** The Git objects of a store in an object store. */
export class S3Objects implements ObjectStore {
  readonly #log: StoreLog;

  constructor(log: StoreLog) {
    this.#log = log;
  }

  get(id: ObjectId): Promise<GitObject | undefined> {
    return this.#log.get(id);
  }

  has(id: ObjectId): Promise<boolean> {
    return this.#log.has(id);
  }

  put(objects: readonly NamedObject[]): Promise<void> {
    return this.#log.put(objects);
  }

  list(): AsyncIterable<readonly ObjectId[]> {
    return this.#log.list();
  }

  verify(step: (progress: string) => Promise<boolean>): Promise<readonly string[]> {
    return this.#log.verify(step);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}
