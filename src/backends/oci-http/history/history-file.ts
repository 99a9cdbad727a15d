import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { type StorageTrouble, storageTroubleOf } from "../../../primitives/fs/storage-trouble.ts";
import type { Release } from "../../../primitives/release.ts";
import { assertReadable } from "../../../primitives/sqlite/database-damage.ts";
import { openOrRemove, removeDatabase } from "../../../primitives/sqlite/database-file.ts";
import { DERIVED_CHECKPOINT_PAGES, openDatabase } from "../../../primitives/sqlite/open-database.ts";
import { keepFileStill } from "../../../primitives/sqlite/still-file.ts";
import type { StillFile } from "../../../primitives/store/engine/derived-copies.ts";
import { DATABASE } from "./history-database.ts";

/** Copies of the file that the nodes of a storage make for each other. */
export interface HistoryCopies {
  /** Brings one to a path where there is no file, if there is one. */
  fetch(path: string): Promise<unknown>;
  /** See `DerivedCopies.offer`. */
  offer(source: () => Promise<StillFile | undefined>): Release;
}

export const NO_COPIES: HistoryCopies = { fetch: async () => undefined, offer: () => () => undefined };

/** The file of a history. */
export class HistoryFile {
  readonly #path: string;
  readonly #damaged: (reason: string) => void;
  readonly #copies: HistoryCopies;
  readonly #endOffer: Release;
  /** Whether it has all commits up to one that was the newest lately. */
  isWhole = false;
  #trouble: StorageTrouble | undefined;
  #open: Database | undefined;
  /** Resolves when the file may change again. */
  #lent: Promise<void> | undefined;

  constructor(path: string, damaged: (reason: string) => void, copies: HistoryCopies) {
    this.#path = path;
    this.#damaged = damaged;
    this.#copies = copies;
    this.#endOffer = copies.offer(() => this.#lend());
  }

  /** Opened on first use: a store can serve without its history, and only the caller gets the error. */
  get db(): Database {
    this.#open ??= openOrRemove(this.#path, () => openDatabase(this.#path, DATABASE), this.#damaged);
    return this.#open;
  }

  /** False before the first use on this machine. */
  get isThere(): boolean {
    return this.#open !== undefined || existsSync(this.#path);
  }

  /** What kept the last change from the disk; `undefined` if it succeeded, or failed for another reason. */
  get trouble(): StorageTrouble | undefined {
    return this.#trouble;
  }

  async watching(change: Promise<void>): Promise<void> {
    try {
      await change;
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = storageTroubleOf(error);
      throw error;
    }
  }

  /** Where the file is missing, begins with a copy, if there is one. */
  async fetch(): Promise<void> {
    if (!this.isThere) await this.#copies.fetch(this.#path);
  }

  /** Removes it, because it is damaged or differs from the commits. */
  remove(reason: string): void {
    assertReadable(this.#path);
    this.#damaged(reason);
    this.isWhole = false;
    this.#open?.close();
    this.#open = undefined;
    removeDatabase(this.#path);
  }

  async close(): Promise<void> {
    this.#endOffer();
    await this.#lent;
    this.#open?.close();
  }

  async #lend(): Promise<StillFile | undefined> {
    const db = this.#open;
    if (!db || !this.isWhole) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lent = promise;
    try {
      const change = await keepFileStill(db, DERIVED_CHECKPOINT_PAGES);
      const release = () => {
        // It may have been removed meanwhile.
        if (this.#open === db) change();
        resolve();
      };
      return { path: this.#path, release };
    } catch (error) {
      resolve();
      throw error;
    }
  }
}
