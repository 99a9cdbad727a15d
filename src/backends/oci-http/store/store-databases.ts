import { basename } from "node:path";
import { assertReadable, damageIn } from "../../../primitives/sqlite/database-damage.ts";
import { removeDatabase, renameDatabase } from "../../../primitives/sqlite/database-file.ts";
import { BlobLinks } from "../../../primitives/store/blobs/blob-links.ts";
import { LINKS } from "../../../primitives/store/blobs/links-database.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ReplaceableIndex } from "../../../primitives/store/index/replaceable-index.ts";
import type { Damage } from "../content/damage.ts";
import { OciIndexReader } from "../index/oci-index-reader.ts";
import {
  type DatabaseContext,
  INDEX,
  openIndex,
  openIndexed,
  openStoreLinks,
  rebuildLinks,
  removeReplacements,
  replacementFor,
} from "./database-files.ts";

/** The databases of a store's newest state. One that is damaged gives way to another, while it is being read. */
export class StoreDatabases {
  readonly store: Store;
  readonly derived: ReplaceableIndex;
  readonly #context: DatabaseContext;
  readonly #indexPath: string;
  #index: OciIndexReader;
  #links: BlobLinks;
  readonly #replaced: ReplacedDatabases;

  private constructor(
    context: DatabaseContext,
    store: Store,
    derived: ReplaceableIndex,
    index: OciIndexReader,
    links: BlobLinks,
  ) {
    this.#context = context;
    this.store = store;
    this.derived = derived;
    this.#index = index;
    this.#links = links;
    this.#indexPath = `${context.dir}/${INDEX}`;
    this.#replaced = new ReplacedDatabases(context);
  }

  /** `open` opens the store with its index as a projection. */
  static async open(
    context: DatabaseContext,
    open: (projection: ReplaceableIndex) => Promise<Store>,
  ): Promise<StoreDatabases> {
    removeReplacements(context.dir);
    const { store, derived } = await openIndexed(context, `${context.dir}/${INDEX}`, open);
    try {
      const index = new OciIndexReader(derived.current.db);
      return new StoreDatabases(context, store, derived, index, await openStoreLinks(context, index));
    } catch (error) {
      await store.close();
      derived.close();
      throw error;
    }
  }

  get index(): OciIndexReader {
    return this.#index;
  }

  get links(): BlobLinks {
    return this.#links;
  }

  /** Where they lie now. */
  get paths(): { readonly indexPath: string; readonly linksPath: string } {
    return { indexPath: this.derived.current.path, linksPath: this.#links.path };
  }

  /** Replaces what is damaged. */
  async replace(damage: Damage, signal: AbortSignal): Promise<void> {
    const { indexPath, linksPath } = this.paths;
    const concernsLinks = this.#concernsLinks(damage);
    assertReadable(concernsLinks ? linksPath : indexPath);
    if (concernsLinks) this.#replaceLinks(damage);
    else await this.#replaceIndex(damage, signal);
    this.#context.clock.advanceAll();
  }

  async close(): Promise<void> {
    await this.#replaced.close();
    await this.#links.close();
    this.derived.close();
    const { indexPath, linksPath } = this.paths;
    if (indexPath !== this.#indexPath) renameDatabase(indexPath, this.#indexPath);
    const { dir } = this.#context;
    if (linksPath !== `${dir}/${LINKS}`) renameDatabase(linksPath, `${dir}/${LINKS}`);
  }

  async #replaceIndex(damage: Damage, signal: AbortSignal): Promise<void> {
    const before = this.derived.current;
    const path = this.#replaced.announce(before.path, damage);
    const fresh = openIndex(path, this.#context);
    const bring = async () => {
      const { commitId } = this.store.head();
      if (commitId) await this.store.project(fresh, commitId, signal);
    };
    try {
      await bring();
      await this.derived.replace(fresh, bring);
    } catch (error) {
      fresh.close();
      removeDatabase(path);
      throw error;
    }
    // Nothing waits between the two, so that no request sees one without the other.
    this.#index = new OciIndexReader(fresh.db);
    this.#replaced.add(before);
  }

  /** All at once, so that no link is lost that is made meanwhile. */
  #replaceLinks({ reason }: Damage): void {
    const before = this.#links;
    if (before.path !== `${this.#context.dir}/${LINKS}`)
      throw new Error(
        `${basename(before.path)} is damaged (${reason}) again; the next start makes another one`,
      );
    this.#links = new BlobLinks(
      rebuildLinks(this.#context, before.path, this.#index, reason),
      this.#context.clock,
    );
    this.#replaced.add(before);
  }

  #concernsLinks({ path }: Damage): boolean {
    if (path !== undefined) return path === this.#links.path;
    try {
      this.#links.check();
      return false;
    } catch (error) {
      if (damageIn(error) === undefined) throw error;
      return true;
    }
  }
}

interface OpenDatabase {
  readonly path: string;
  close(): void | Promise<void>;
}

/** Databases that others took the place of; those who have them open read on in them until the end. */
export class ReplacedDatabases {
  readonly #context: DatabaseContext;
  readonly #open: OpenDatabase[] = [];
  #count = 0;

  constructor(context: DatabaseContext) {
    this.#context = context;
  }

  /** Tells the operator, and returns the path of the index that is to replace the one at `path`. */
  announce(path: string, { reason }: Damage): string {
    const { store, log } = this.#context;
    log.warn(
      `${basename(path)} of the store '${store}' is damaged (${reason}); it is rebuilt from the commits, and until then ` +
        "requests that meet the damage are answered from the commits or told to come again",
    );
    return replacementFor(path, ++this.#count);
  }

  /** Keeps a replaced database open for its readers, and removes its files. */
  add(database: OpenDatabase): void {
    removeDatabase(database.path);
    this.#open.push(database);
    const { store, log } = this.#context;
    log.info(`${basename(database.path)} of the store '${store}' was replaced`);
  }

  async close(): Promise<void> {
    for (const database of this.#open.splice(0)) await database.close();
  }
}
