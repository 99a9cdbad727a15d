import { closeSync, openSync } from "node:fs";
import type { Digest } from "../../../digest.ts";
import { syncFileData } from "../../../fs/durable.ts";
import type { LinkOptions, LinkStore } from "../links.ts";
import { LinksTable } from "../sqlite-links/links-table.ts";
import { LINKS_SCHEMA } from "./links-database.ts";

/** Links that exist nowhere but in a file of this machine. */
export class LinksFile extends LinksTable implements Omit<LinkStore, "time"> {
  readonly #walFd: number;
  readonly #changed: LinkOptions["changed"];
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  constructor(path: string, changed: LinkOptions["changed"]) {
    super(path, LINKS_SCHEMA);
    this.#changed = changed;
    try {
      this.#walFd = openSync(`${path}-wal`, "r+");
    } catch (error) {
      super.close();
      throw error;
    }
  }

  add(scope: string, digest: Digest): Promise<void> {
    this.put(scope, digest, Math.floor(Date.now() / 1000));
    this.#changed(scope, "change");
    return this.#sync();
  }

  async remove(scope: string, digest: Digest): Promise<boolean> {
    const hasExisted = this.delete(scope, digest);
    this.#changed(scope, "removal");
    if (hasExisted) await this.#sync();
    return hasExisted;
  }

  async drop(scope: string, digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<void> {
    const linkedAt = this.linkedAt(scope, digest);
    this.delete(scope, digest);
    this.#changed(scope, "removal");
    if (linkedAt === undefined) return;
    // In the same turn of the event loop where that is possible, so that nobody misses a link that is needed.
    const verdict = isUnneeded();
    if (typeof verdict === "boolean" ? verdict : await verdict) return;
    if (this.linkedAt(scope, digest) !== undefined) return;
    this.put(scope, digest, linkedAt);
    this.#changed(scope, "change");
  }

  override async close(): Promise<void> {
    await this.#nextSync;
    await this.#syncing;
    closeSync(this.#walFd);
    super.close();
  }

  /** A sync under way may have missed what was just written: all who come meanwhile share the next one. */
  #sync(): Promise<void> {
    if (!this.#syncing) return this.#startSync();
    this.#nextSync ??= this.#syncing
      .catch(() => undefined)
      .then(() => {
        this.#nextSync = undefined;
        return this.#startSync();
      });
    return this.#nextSync;
  }

  #startSync(): Promise<void> {
    this.#syncing = syncFileData(this.#walFd).finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }
}
