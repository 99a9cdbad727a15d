import type { Logger } from "../logging/logger.ts";
import { DamagedStoreError } from "./commits/damaged-store.ts";
import type { Projection } from "./commits/projection.ts";
import { Store } from "./commits/store.ts";
import type { DerivedCopies } from "./engine/derived-copies.ts";
import type { ContentOptions, ContentStorage, StorageEngine, StorageRoom } from "./engine/engine.ts";
import type { Leases } from "./engine/leases.ts";
import type { LinkOptions, OwnedLinks } from "./engine/links.ts";
import type { LogMeasures } from "./engine/measures.ts";
import type { Nodes } from "./engine/nodes.ts";
import type { GivenSecretName, KeptSecret, SecretChange, Secrets } from "./engine/secrets.ts";
import type { SharedNotes } from "./engine/shared-notes.ts";
import type { EngineLocation } from "./engine-location.ts";
import { CorruptObjectError } from "./git/object.ts";

/** The name of a store, which is the name of its directory. */
export type StoreName = string & { readonly __brand: "StoreName" };

export function parseStoreName(text: string): StoreName | undefined {
  return /^[a-z0-9][a-z0-9._-]{0,62}$/.test(text) && !text.endsWith(".git") ? (text as StoreName) : undefined;
}

/** Seconds between lines about work that takes long. */
const REPORT_SECONDS = 2;

/** Tells the operator how far a long start is; a short one passes in silence. */
function progressReport(name: StoreName, log: Logger): (files: number) => void {
  let next = Date.now() + REPORT_SECONDS * 1000;
  return (files) => {
    if (Date.now() < next) return;
    next = Date.now() + REPORT_SECONDS * 1000;
    log.info(`the index of the store '${name}' is being built: ${files.toLocaleString("en")} files so far`);
  };
}

/** Opens the stores that an engine keeps, each with one writer. */
export class StoreManager implements Secrets {
  /** For other threads, which open an engine of their own. */
  readonly location: EngineLocation;
  readonly log: Logger;
  /** Aborted when stores that are being opened, or brought up to date, need not be any more. */
  readonly signal: AbortSignal | undefined;
  readonly #engine: StorageEngine;
  readonly #open = new Map<StoreName, Store>();

  constructor(location: EngineLocation, engine: StorageEngine, log: Logger, signal?: AbortSignal) {
    this.location = location;
    this.#engine = engine;
    this.log = log;
    this.signal = signal;
  }

  get room(): StorageRoom {
    return this.#engine.room;
  }

  /** See `StorageEngine`. */
  get copies(): DerivedCopies | undefined {
    return this.#engine.copies;
  }

  /** The directory of this machine for databases that are derived from a store. */
  directory(name: StoreName): string {
    return this.#engine.derivedDirectory(name);
  }

  /** Makes the store if it does not exist, and answers its directory. Throws `DamagedStoreError`. */
  async create(name: StoreName): Promise<string> {
    await this.#engine.create(name);
    return this.directory(name);
  }

  /**
   * A store has one writer, so it can be open only once. Throws `DamagedStoreError` where serving it could lose what it
   * still holds. Rejects with the signal's reason once that is aborted.
   */
  async open(name: StoreName, projection?: Projection): Promise<Store> {
    if (this.#open.get(name)?.isClosed === false) throw new Error(`the store '${name}' is open already`);
    await this.#engine.create(name);
    const commits = await this.#engine.openCommits(name, projection?.head);
    try {
      const store = await Store.open(name, {
        ...commits,
        projection,
        report: progressReport(name, this.log),
        signal: this.signal,
        relieve: () => this.room.relieve(),
      });
      this.#open.set(name, store);
      return store;
    } catch (error) {
      // What can't be opened keeps nothing open: it may be tried again and again.
      await commits.branch.close();
      await commits.objects.close();
      if (!(error instanceof CorruptObjectError)) throw error;
      throw new DamagedStoreError(name, error.message, { cause: error });
    }
  }

  /** Whether the store has ever held blobs. */
  hasContent(name: StoreName): Promise<boolean> {
    return this.#engine.hasContent(name);
  }

  /** Blobs and uploads of a store; see `StorageEngine.openContent`. */
  openContent(name: StoreName, options: ContentOptions): Promise<ContentStorage> {
    return this.#engine.openContent(name, options);
  }

  /** See `StorageEngine.openLinks`. */
  openLinks(name: StoreName, options: LinkOptions): Promise<OwnedLinks> {
    return this.#engine.openLinks(name, options);
  }

  /** See `StorageEngine.checkLinks`. */
  checkLinks(name: StoreName): Promise<readonly string[]> {
    return this.#engine.checkLinks(name);
  }

  /** See `StorageEngine.openNotes`. */
  openNotes(name: StoreName, topic: string): SharedNotes | undefined {
    return this.#engine.openNotes?.(name, topic);
  }

  /** See `StorageEngine.openNodes`. */
  openNodes(): Promise<Nodes> {
    return this.#engine.openNodes();
  }

  /** See `StorageEngine.measureLogs`; none where there are no other nodes. */
  async measureLogs(): Promise<readonly LogMeasures[]> {
    return (await this.#engine.measureLogs?.()) ?? [];
  }

  /** See `Secrets`. */
  secret(...args: Parameters<Secrets["secret"]>): Promise<KeptSecret> {
    return this.#engine.secret(...args);
  }

  /** See `Secrets`. */
  givenSecret(name: GivenSecretName): Promise<Uint8Array | undefined> {
    return this.#engine.givenSecret(name);
  }

  /** See `Secrets`. */
  changeSecret(name: GivenSecretName, change: SecretChange): Promise<void> {
    return this.#engine.changeSecret(name, change);
  }

  /** See `StorageEngine.openLeases`. */
  openLeases(): Promise<Leases> {
    return this.#engine.openLeases();
  }

  /** The stores that exist, open or not. */
  async list(): Promise<StoreName[]> {
    return (await this.#engine.list()).flatMap((name) => parseStoreName(name) ?? []);
  }
}
