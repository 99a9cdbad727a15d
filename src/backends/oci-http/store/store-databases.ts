import { basename } from "node:path";
import type { Release } from "../../../primitives/release.ts";
import { assertReadable, damageIn } from "../../../primitives/sqlite/database-damage.ts";
import { removeDatabase, renameDatabase } from "../../../primitives/sqlite/database-file.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { Link, LinkStore, OwnedLinks } from "../../../primitives/store/engine/links.ts";
import type { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import type { ReplaceableIndex } from "../../../primitives/store/index/replaceable-index.ts";
import type { StoreManager } from "../../../primitives/store/store-manager.ts";
import type { Damage } from "../content/damage.ts";
import { OciIndexReader } from "../index/oci-index-reader.ts";
import {
  type DatabaseContext,
  fetchIndex,
  INDEX,
  offerIndex,
  openIndex,
  openIndexed,
  removeReplacements,
  replacementFor,
} from "./database-files.ts";

/** The databases of a store's newest state. A damaged one is replaced while it is being read. */
export class StoreDatabases {
  readonly store: Store;
  readonly derived: ReplaceableIndex;
  readonly #context: DatabaseContext;
  /** The path of the index when the store is opened. */
  readonly #usualPath: string;
  #index: OciIndexReader;
  readonly #links: OwnedLinks;
  readonly #replaced: ReplacedIndexes;
  #endOffer: Release = () => undefined;

  private constructor(
    context: DatabaseContext,
    store: Store,
    derived: ReplaceableIndex,
    index: OciIndexReader,
    links: OwnedLinks,
  ) {
    this.#context = context;
    this.store = store;
    this.derived = derived;
    this.#index = index;
    this.#links = links;
    this.#usualPath = `${context.dir}/${INDEX}`;
    this.#replaced = new ReplacedIndexes(context);
  }

  /** Opens a store with its index as a projection, and its links. */
  static async open(
    context: DatabaseContext,
    manager: Pick<StoreManager, "open" | "openLinks" | "copies">,
  ): Promise<StoreDatabases> {
    removeReplacements(context.dir);
    const { store: name, clock } = context;
    const path = `${context.dir}/${INDEX}`;
    await fetchIndex(context, path, manager.copies);
    const { store, derived } = await openIndexed(context, path, (projection) =>
      manager.open(name, projection),
    );
    try {
      const index = new OciIndexReader(derived.current.db);
      let opened: StoreDatabases | undefined;
      const links = await manager.openLinks(name, {
        changed: (scope, change) => clock.advance(scope, change),
        needed: () => linksOfManifests(opened?.index ?? index),
      });
      opened = new StoreDatabases(context, store, derived, index, links);
      opened.#endOffer = offerIndex(name, () => derived.current, manager.copies);
      return opened;
    } catch (error) {
      await store.close();
      derived.close();
      throw error;
    }
  }

  get index(): OciIndexReader {
    return this.#index;
  }

  get links(): LinkStore {
    return this.#links;
  }

  /** The current path of the index. */
  get indexPath(): string {
    return this.derived.current.path;
  }

  /** Replaces the damaged database. */
  async replace(damage: Damage, signal: AbortSignal): Promise<void> {
    if (!(await this.#links.repair(damage))) {
      assertReadable(this.indexPath);
      await this.#replaceIndex(damage, signal);
    }
    this.#context.clock.advanceAll();
  }

  async close(): Promise<void> {
    this.#endOffer();
    this.#replaced.close();
    await this.#links.close();
    this.derived.close();
    const { indexPath } = this;
    if (indexPath !== this.#usualPath) renameDatabase(indexPath, this.#usualPath);
  }

  async #replaceIndex(damage: Damage, signal: AbortSignal): Promise<void> {
    const before = this.derived.current;
    const path = this.#replaced.announce(before.path, damage);
    const fresh = openIndex(path, this.#context);
    const catchUp = async () => {
      const { commitId } = this.store.head();
      if (commitId) await this.store.project(fresh, commitId, signal);
    };
    try {
      await catchUp();
      fresh.addScopes(readableScopes(before));
      await this.derived.replace(fresh, catchUp);
    } catch (error) {
      fresh.close();
      removeDatabase(path);
      throw error;
    }
    // No `await` between the two, so that no request sees one without the other.
    this.#index = new OciIndexReader(fresh.db);
    this.#replaced.add(before);
  }
}

/** The scopes of a damaged index, if they can still be read; else an audit finds the former ones in the history. */
function readableScopes(index: DerivedIndex): readonly string[] {
  try {
    return index.scopes();
  } catch (error) {
    if (damageIn(error) === undefined) throw error;
    return [];
  }
}

/** Links of the blobs that manifests name, from the readable part of the index. */
function* linksOfManifests(index: OciIndexReader): Generator<Link> {
  try {
    for (const { repository, blob } of index.namedBlobs()) yield { scope: repository, digest: blob };
  } catch (error) {
    if (damageIn(error) === undefined) throw error;
  }
}

/** Replaced indexes; requests that have one open finish reading from it. */
export class ReplacedIndexes {
  readonly #context: DatabaseContext;
  readonly #open: DerivedIndex[] = [];
  #count = 0;

  constructor(context: DatabaseContext) {
    this.#context = context;
  }

  /** Warns the operator, and returns the path of the new index that replaces the one at `path`. */
  announce(path: string, { reason }: Damage): string {
    const { store, log } = this.#context;
    log.warn(
      `${basename(path)} of the store '${store}' is damaged (${reason}); it is rebuilt from the commits, and until then ` +
        "requests that meet the damage are answered from the commits or told to retry",
    );
    return replacementFor(path, ++this.#count);
  }

  /** Keeps a replaced index open for its readers, and removes its files. */
  add(index: DerivedIndex): void {
    removeDatabase(index.path);
    this.#open.push(index);
    const { store, log } = this.#context;
    log.info(`${basename(index.path)} of the store '${store}' was replaced`);
  }

  close(): void {
    for (const index of this.#open.splice(0)) index.close();
  }
}
