import type { Database } from "bun:sqlite";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { SharedRun } from "../../../primitives/jobs/shared-run.ts";
import { assertReadable, damageIn } from "../../../primitives/sqlite/database-damage.ts";
import { openOrRemove, removeDatabase } from "../../../primitives/sqlite/database-file.ts";
import { createSchema, openDatabase, openForReading } from "../../../primitives/sqlite/open-database.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { readHead } from "../../../primitives/store/index/derived-index.ts";
import type { HistoryIndex } from "../history/history-index.ts";
import { seqOf } from "../history/tag-sets.ts";
import { OciIndexReader } from "../index/oci-index-reader.ts";
import { SUMMARY_DATABASE } from "./summary-database.ts";
import { fillSummaries } from "./summary-filling.ts";
import { followCommits } from "./summary-following.ts";
import { type ReadManifest, SummaryUpdate } from "./summary-update.ts";
import { type SummaryState, SummaryWriter } from "./summary-writer.ts";

/** Filling the tables again costs less than to apply more commits than this. */
const MAX_BEHIND = 20_000;

/** The parts of a store that the summaries are made from. */
export interface Summarized {
  readonly store: Pick<Store, "head" | "walk">;
  readonly index: Pick<OciIndexReader, "manifest">;
  readonly history: Pick<HistoryIndex, "catchUp" | "head" | "rows" | "first">;
  readonly location: { readonly indexPath: string };
}

/**
 * Sizes, counts and last pushes of a store's newest state, in a database that is opened, filled and brought up to date in the
 * background once a page asks for it. Derived data: it is filled again if its file is missing or damaged.
 */
export class Summaries {
  readonly #path: string;
  readonly #oci: Summarized;
  readonly #failed: (error: unknown) => void;
  readonly #closing = new AbortController();
  readonly #updating = new SharedRun(() => this.#update());
  #running: Promise<void> = Promise.resolve();
  #open: Database | undefined;

  /** `failed` is called with the error of an update that failed; the next request tries again. */
  constructor(path: string, oci: Summarized, failed: (error: unknown) => void) {
    this.#path = path;
    this.#oci = oci;
    this.#failed = failed;
  }

  /**
   * Waits at most so many milliseconds until the tables are as new as the commits, and returns them; they may be a little older
   * then. `undefined` while they are being filled.
   */
  async newest(waitMs: number): Promise<Database | undefined> {
    if (this.#closing.signal.aborted) return undefined;
    const update = this.#updating.run();
    this.#running = update.catch((error) => {
      if (!this.#closing.signal.aborted) this.#failed(error);
    });
    await Promise.race([this.#running, Bun.sleep(waitMs)]);
    return this.#open && new SummaryWriter(this.#open).state() ? this.#open : undefined;
  }

  /** The commit that the tables are up to date with; `undefined` while they are not open, or being filled. */
  get head(): ObjectId | undefined {
    return this.#open && new SummaryWriter(this.#open).state()?.head;
  }

  /** Removes damaged tables; the next request fills them again. */
  discard(): void {
    assertReadable(this.#path);
    this.#open?.close();
    this.#open = undefined;
    removeDatabase(this.#path);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the store is being closed"));
    await this.#running;
    this.#open?.close();
    this.#open = undefined;
  }

  async #update(): Promise<void> {
    try {
      await this.#catchUp();
    } catch (error) {
      if (damageIn(error) === undefined) throw error;
      this.discard();
      await this.#catchUp();
    }
  }

  async #catchUp(): Promise<void> {
    const { history } = this.#oci;
    await history.catchUp(this.#closing.signal);
    this.#closing.signal.throwIfAborted();
    const db = this.#db();
    const { head } = history;
    const until = head && seqOf(history, head);
    if (until === undefined) return this.#clear(db);
    const known = new SummaryWriter(db).state();
    const isUsable = known && seqOf(history, known.head) === known.seq && until - known.seq <= MAX_BEHIND;
    const { seq } = isUsable ? known : await this.#fill(db);
    if (seq >= until) return;
    const read: ReadManifest = (repository, digest) => this.#oci.index.manifest(repository, digest)?.content;
    const followed = { history, walk: this.#oci.store.walk(), read };
    await followCommits(this.#updateOf(db, read), followed, { seq, until });
  }

  /** Fills the tables from the index as it is now, whatever is pushed meanwhile. */
  async #fill(db: Database): Promise<SummaryState> {
    const { history } = this.#oci;
    this.#clear(db);
    const index = openForReading(this.#oci.location.indexPath);
    try {
      // Reads of one transaction see one state.
      index.run("BEGIN");
      const head = readHead(index);
      await history.catchUp(this.#closing.signal);
      const seq = head && seqOf(history, head);
      if (!head || seq === undefined) throw new Error("the history does not know the state of the index");
      const reader = new OciIndexReader(index);
      const update = this.#updateOf(db, (repository, digest) => reader.manifest(repository, digest)?.content);
      await fillSummaries(update, index, history);
      const state = { head, seq };
      await update.step((writer) => writer.setState(state));
      return state;
    } finally {
      index.close();
    }
  }

  #updateOf(db: Database, read: ReadManifest): SummaryUpdate {
    // A page may be waiting: the pace rests no longer than it works.
    return new SummaryUpdate(db, read, new Pace(1, this.#closing.signal), this.#closing.signal);
  }

  #clear(db: Database): void {
    createSchema(db, SUMMARY_DATABASE);
  }

  #db(): Database {
    this.#open ??= openOrRemove(
      this.#path,
      () => openDatabase(this.#path, SUMMARY_DATABASE),
      () => undefined,
    );
    return this.#open;
  }
}
