import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { syncDirectory } from "../fs/durable.ts";
import { storageTroubleOf } from "../fs/storage-trouble.ts";
import type { Logger } from "../logging/logger.ts";
import { DamagedStoreError } from "./commits/damaged-store.ts";
import type { Projection } from "./commits/projection.ts";
import { Store } from "./commits/store.ts";
import { DiskRoom } from "./engine/local/disk-room.ts";
import { LocalBranch } from "./engine/local/local-branch.ts";
import { LocalObjects } from "./engine/local/local-objects.ts";
import { LocalRefs } from "./engine/local/local-refs.ts";
import { ensureRepository } from "./engine/local/repository.ts";
import { CorruptObjectError } from "./git/object.ts";
import { hasLostRepository, traceOfLostBranch } from "./lost-branch.ts";

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

/** Opens the stores below a data directory. */
export class StoreManager {
  readonly #dataDir: string;
  readonly log: Logger;
  /** Aborted when stores that are being opened, or brought up to date, need not be any more. */
  readonly signal: AbortSignal | undefined;
  readonly room: DiskRoom;
  readonly #open = new Map<StoreName, Store>();

  constructor(dataDir: string, log: Logger, signal?: AbortSignal) {
    this.#dataDir = dataDir;
    this.log = log;
    this.signal = signal;
    this.room = new DiskRoom(dataDir, log.warn);
  }

  directory(name: StoreName): string {
    return `${this.#dataDir}/${name}`;
  }

  /** Makes the store's repository if it does not exist, and answers its directory. Throws `DamagedStoreError`. */
  async create(name: StoreName): Promise<string> {
    // Opening a store writes a little, and on a full disk as well.
    this.room.relieve();
    const dir = this.directory(name);
    if (!existsSync(dir)) {
      mkdirSync(dir, { mode: 0o700 });
      await syncDirectory(this.#dataDir);
    }
    if (hasLostRepository(dir)) {
      const reason = `${dir} has blobs, but neither HEAD nor a branch; restore it from a backup`;
      throw new DamagedStoreError(name, reason);
    }
    await namingStore(name, () => ensureRepository(dir));
    return dir;
  }

  /**
   * A store has one writer, so it can be open only once. Throws `DamagedStoreError` where serving it could lose what it
   * still holds. Rejects with the signal's reason once that is aborted.
   */
  async open(name: StoreName, projection?: Projection): Promise<Store> {
    if (this.#open.get(name)?.isClosed === false) throw new Error(`the store '${name}' is open already`);
    const dir = await this.create(name);
    const store = await namingStore(name, () => this.#openParts(name, dir, projection));
    this.#open.set(name, store);
    return store;
  }

  async #openParts(name: StoreName, dir: string, projection: Projection | undefined): Promise<Store> {
    const objects = new LocalObjects(
      `${dir}/objects`,
      (error) => this.log.error(`packs of the store '${name}' could not be merged`, error),
      () => this.room.hasRoom(),
    );
    // What can't be opened keeps no files open: it may be tried again and again.
    await using undo = new AsyncDisposableStack();
    undo.defer(() => objects.close());
    const branch = await LocalBranch.open({
      dir,
      objects,
      refs: new LocalRefs(dir),
      report: (message) => this.log.warn(`the store '${name}': ${message}`),
      flushFailed: (error) => {
        // For the next try.
        if (storageTroubleOf(error) === "no-room") this.room.relieve();
        this.log.error(`new commits of the store '${name}' can't be shown to git yet; they are safe`, error);
      },
    });
    undo.defer(() => branch.close());
    const trace = (await branch.read()) === undefined && traceOfLostBranch(dir, projection);
    if (trace) throw new DamagedStoreError(name, trace);
    const store = await Store.open(name, {
      objects,
      branch,
      projection,
      report: progressReport(name, this.log),
      signal: this.signal,
      relieve: () => this.room.relieve(),
      hold: async () => {
        const release = objects.hold();
        try {
          await branch.flushed();
          return release;
        } catch (error) {
          release();
          throw error;
        }
      },
    });
    undo.move();
    return store;
  }

  /** The stores that exist, open or not. */
  list(): StoreName[] {
    return readdirSync(this.#dataDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isStore(`${this.#dataDir}/${entry.name}`))
      .flatMap((entry) => parseStoreName(entry.name) ?? []);
  }
}

/** Whatever of it is lost. */
function isStore(dir: string): boolean {
  return ["HEAD", "objects", "blobs"].some((part) => existsSync(`${dir}/${part}`));
}

/** Throws what is damaged of a store as damage of the store. */
async function namingStore<T>(name: StoreName, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CorruptObjectError)) throw error;
    throw new DamagedStoreError(name, error.message, { cause: error });
  }
}
