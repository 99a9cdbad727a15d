import { replaceFile, syncDirectory } from "../../../../fs/durable.ts";
import type { SecretName } from "../../secrets.ts";
import type { StorageTarget, StoreTarget } from "../../storage-target.ts";
import { LocalStoreTarget } from "./local-store-target.ts";
import { markFinished, markUnfinished } from "./unfinished-copy.ts";

/** A data directory to which stores are copied. Whoever copies has locked it. */
export class LocalStorageTarget implements StorageTarget {
  readonly #dataDir: string;
  readonly #stores = new Map<string, Promise<LocalStoreTarget>>();

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** The directory is empty, or has an unfinished copy of `from`. */
  static async begin(dataDir: string, from: string): Promise<LocalStorageTarget> {
    await markUnfinished(dataDir, { by: "storage copy", from });
    return new LocalStorageTarget(dataDir);
  }

  store(name: string, hasContent: boolean): Promise<StoreTarget> {
    const known = this.#stores.get(name) ?? LocalStoreTarget.open(`${this.#dataDir}/${name}`, hasContent);
    this.#stores.set(name, known);
    known.catch(() => this.#stores.delete(name));
    return known;
  }

  putSecret(name: SecretName, bytes: Uint8Array): Promise<void> {
    return replaceFile(`${this.#dataDir}/${name}`, bytes, 0o600);
  }

  /** The lock says so. */
  async checkOurs(): Promise<void> {}

  async finish(): Promise<void> {
    await syncDirectory(this.#dataDir);
    await markFinished(this.#dataDir);
  }
}
