import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import type { CommitWalk } from "../../../primitives/store/commits/commit-walk.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { CommitRow } from "../history/history-database.ts";
import type { HistoryIndex } from "../history/history-index.ts";
import { seqOf } from "../history/tag-sets.ts";
import { encodePage, MAX_PAGE_OBJECTS, type PagedObject } from "./history-page.ts";
import { newObjects } from "./new-objects.ts";

export interface FeedRequest {
  /** Commits that the replica has, the one first that the page is to follow; none: from the beginning. */
  readonly haves: readonly ObjectId[];
  /** Objects that the page before had of a commit that it did not complete. */
  readonly skip: number;
  /** How long to wait for a new commit (ms). */
  readonly waitMs: number;
}

export type FeedAnswer =
  /** `body`: an encoded `HistoryPage`. */
  | { readonly kind: "page"; readonly head: ObjectId; readonly body: Uint8Array }
  /** There is no newer commit. */
  | { readonly kind: "current"; readonly head: ObjectId | undefined }
  /** The history has none of the commits that the replica has. */
  | { readonly kind: "diverged"; readonly head: ObjectId | undefined }
  /** Too many replicas ask at once. */
  | { readonly kind: "busy" };

/** Gives the history of a store to replicas. Arguments and results are plain data, so that other threads can call it. */
export interface HistoryFeed {
  page(request: FeedRequest): Promise<FeedAnswer>;
}

export interface FeedLimits {
  /** Requests at once, those that wait included. */
  readonly requests: number;
  /** Bytes of objects from which on a page is full. */
  readonly bytes: number;
  /** Objects of a page. */
  readonly objects: number;
  /** Commits of a page. */
  readonly commits: number;
  /** Commits that are read back from the newest one before the index of the history is asked. */
  readonly near: number;
}

const LIMITS: FeedLimits = {
  requests: 32,
  bytes: 4 * 1024 * 1024,
  objects: MAX_PAGE_OBJECTS,
  commits: 500,
  near: 500,
};
/** How long objects are read before the event loop runs once (ms). */
const TURN_MS = 2;
/** How long the trees that were read last are kept for the next page (ms). */
const KEPT_MS = 30_000;
/** How often a storage that other nodes change is looked at while a replica waits (ms). */
const LOOK_EVERY_MS = 500;

type FedStore = Pick<Store, "head" | "walk" | "commitAt" | "follow" | "refresh" | "onMoved">;

interface Chain {
  /** The commits after the one that the replica has, the oldest first; not all of them if there are many. */
  readonly commits: readonly ObjectId[];
  readonly from: ObjectId | undefined;
  /** How many there are in all. */
  readonly total: number;
}

export class LocalHistoryFeed implements HistoryFeed {
  readonly #store: FedStore;
  readonly #history: HistoryIndex;
  readonly #closing: AbortSignal;
  readonly #limits: FeedLimits;
  #requests = 0;
  #walked: CommitWalk | undefined;
  #forgetting: Timer | undefined;

  /** `closing` ends all waits. */
  constructor(
    store: FedStore,
    history: HistoryIndex,
    closing: AbortSignal,
    limits: Partial<FeedLimits> = {},
  ) {
    this.#store = store;
    this.#history = history;
    this.#closing = closing;
    this.#limits = { ...LIMITS, ...limits };
  }

  async page(request: FeedRequest): Promise<FeedAnswer> {
    if (this.#requests >= this.#limits.requests) return { kind: "busy" };
    this.#requests++;
    try {
      return await this.#page(request);
    } finally {
      this.#requests--;
    }
  }

  async #page({ haves, skip, waitMs }: FeedRequest): Promise<FeedAnswer> {
    // Stock git may have made commits.
    await this.#store.follow();
    for (const until = performance.now() + waitMs; ; ) {
      await this.#store.refresh(0);
      const { commitId: head } = this.#store.head();
      if (!head) {
        if (haves.length > 0) return { kind: "diverged", head };
      } else {
        const chain = await this.#chain(head, haves);
        if (chain === undefined) return { kind: "diverged", head };
        if (chain.commits.length > 0) return this.#pageOf(head, chain, skip);
      }
      const left = until - performance.now();
      if (left <= 0 || this.#closing.aborted) return { kind: "current", head };
      await this.#moved(head, left);
    }
  }

  /** Resolves when the store may have moved on, or after so many milliseconds. */
  async #moved(head: ObjectId | undefined, ms: number): Promise<void> {
    const moved = Promise.withResolvers<void>();
    const release = this.#store.onMoved(() => moved.resolve());
    const timer = setTimeout(() => moved.resolve(), Math.min(ms, LOOK_EVERY_MS));
    const closing = () => moved.resolve();
    this.#closing.addEventListener("abort", closing);
    try {
      // It may have moved before there was a listener.
      if (this.#store.head().commitId === head) await moved.promise;
    } finally {
      release();
      clearTimeout(timer);
      this.#closing.removeEventListener("abort", closing);
    }
  }

  /** `undefined`: the history has none of `haves`. */
  async #chain(head: ObjectId, haves: readonly ObjectId[]): Promise<Chain | undefined> {
    const [first] = haves;
    const near: ObjectId[] = [];
    for (let id: ObjectId | undefined = head; near.length <= this.#limits.near; ) {
      if (id === first) return { commits: near.reverse(), from: first, total: near.length };
      if (id === undefined) break;
      near.push(id);
      id = (await this.#store.commitAt(id)).parents[0];
    }
    return this.#history.ask(() => this.#chainByIndex(haves));
  }

  #chainByIndex(haves: readonly ObjectId[]): Chain | undefined {
    const from = haves.find((id) => this.#history.has(id));
    if (from === undefined && haves.length > 0) return undefined;
    const seq = from === undefined ? 0 : (seqOf(this.#history, from) ?? 0);
    const sql = "SELECT * FROM commits WHERE seq > $seq ORDER BY seq LIMIT $limit";
    const rows = this.#history.rows<CommitRow>(sql, { seq, limit: this.#limits.commits });
    const commits = rows.map(({ id }) => id);
    const count = "SELECT count(*) AS total FROM commits WHERE seq > $seq";
    const total = this.#history.first<{ total: number }>(count, { seq })?.total ?? commits.length;
    return { commits, from, total };
  }

  /** Consecutive pages share most trees. */
  #walk(): CommitWalk {
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => {
      this.#walked = undefined;
    }, KEPT_MS).unref();
    this.#walked ??= this.#store.walk();
    return this.#walked;
  }

  async #pageOf(head: ObjectId, { commits, from, total }: Chain, skip: number): Promise<FeedAnswer> {
    let turned = performance.now();
    const some = commits.slice(0, this.#limits.commits);
    // Only merges ask, which stock git makes.
    const isKnown = async (id: ObjectId) => this.#history.ask(() => this.#history.has(id));
    const objects: PagedObject[] = [];
    const seen = new Set<ObjectId>();
    let [count, bytes, whole, done] = [0, 0, 0, 0];
    let to: ObjectId | undefined;
    for await (const object of newObjects(this.#walk(), some, isKnown)) {
      if (performance.now() - turned > TURN_MS) {
        await nextTurn();
        turned = performance.now();
      }
      if (++count <= skip) continue;
      const { id, type, body, completes } = object;
      if (!seen.has(id)) {
        seen.add(id);
        objects.push({ type, body });
        bytes += body.length;
      }
      if (completes) [to, whole, done] = [completes, objects.length, done + 1];
      if (bytes >= this.#limits.bytes || objects.length >= this.#limits.objects) break;
    }
    // What was begun of a further commit comes with the next page.
    const paged = to === undefined ? objects : objects.slice(0, whole);
    const page = {
      head,
      from,
      to,
      skip: to === undefined ? count : 0,
      commits: done,
      remaining: total - done,
    };
    return { kind: "page", head, body: await encodePage(page, paged) };
  }
}
