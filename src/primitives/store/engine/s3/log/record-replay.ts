import { nextTurn } from "../../../../jobs/next-turn.ts";
import type { Release } from "../../../../release.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { S3LogRecord } from "./log-entry.ts";
import { lasting, PackGoneError } from "./pack-pieces.ts";
import type { RecordSegments } from "./record-segments.ts";

/** What the records of a log lead to, such as a database of links; it remembers up to which entry. */
export interface RecordProjection {
  /** All records follow again from the first one on: forget everything. */
  reset(): void;
  /** The records up to an entry's number, in the order of the log. It must bear to be called with the same ones again. */
  apply(records: readonly S3LogRecord[], number: number): void;
}

export interface RecordReplayOptions {
  readonly segments: RecordSegments;
  readonly checkpoint: () => Checkpoint;
  /** The number of the newest entry that this node has read. */
  readonly last: () => number;
  /** Reads the newest checkpoint. */
  readonly adopt: () => Promise<void>;
}

/** Records that are handed over at once, so that the thread is not blocked for long. */
const CHUNK = 5000;

interface Subscription {
  readonly follower: RecordProjection;
  position: number;
}

/** Hands records to those who follow: first those that they lack, then the new ones. */
export class RecordReplay {
  readonly #options: RecordReplayOptions;
  readonly #live = new Set<Subscription>();
  /** Those that lack what the node has skipped. */
  readonly #behind = new Set<Subscription>();
  /** Of entries that are not merged. */
  readonly #unmerged = new Map<number, readonly S3LogRecord[]>();

  constructor(options: RecordReplayOptions) {
    this.#options = options;
  }

  /** To be called with each entry of the log. */
  applied(number: number, records: readonly S3LogRecord[]): void {
    if (records.length === 0) return;
    for (const subscription of this.#live) {
      // A checkpoint may be ahead of what the node has read of the log.
      if (subscription.position >= number) continue;
      subscription.follower.apply(records, number);
      subscription.position = number;
    }
    this.#unmerged.set(number, records);
  }

  /** The records up to this entry are in the checkpoint. */
  forget(last: number): void {
    for (const number of this.#unmerged.keys()) if (number <= last) this.#unmerged.delete(number);
  }

  /** Resolves when all records after entry `after` were handed over; the new ones follow until the returned function is called. */
  async follow(after: number, follower: RecordProjection): Promise<Release> {
    const subscription = { follower, position: after };
    await this.#catchUp(subscription, true);
    return () => {
      this.#live.delete(subscription);
      this.#behind.delete(subscription);
    };
  }

  /** Hands over what the node has skipped by reading a newer checkpoint. To be called again if it rejects. */
  async skipped(): Promise<void> {
    for (const subscription of this.#live) this.#behind.add(subscription);
    this.#live.clear();
    for (const subscription of [...this.#behind]) {
      await this.#catchUp(subscription, false);
      // It may have been released meanwhile.
      if (!this.#behind.delete(subscription)) this.#live.delete(subscription);
    }
  }

  /** `mayAdopt`: whether to go on with a newer checkpoint where this one's segments are gone. */
  async #catchUp(subscription: Subscription, mayAdopt: boolean): Promise<void> {
    const { follower } = subscription;
    if (subscription.position > this.#options.last()) this.#reset(subscription);
    for (;;) {
      const checkpoint = this.#options.checkpoint();
      try {
        await this.#replaySegments(checkpoint, subscription);
      } catch (error) {
        if (!(error instanceof PackGoneError) || !mayAdopt) throw error;
        await this.#options.adopt();
        if (this.#options.checkpoint().nonce === checkpoint.nonce) throw lasting(error);
        continue;
      }
      // What was merged meanwhile is no longer among the records below.
      if (this.#options.checkpoint() === checkpoint) break;
    }
    for (const [number, records] of this.#unmerged) {
      if (number <= subscription.position) continue;
      follower.apply(records, number);
      subscription.position = number;
    }
    this.#live.add(subscription);
  }

  async #replaySegments({ segments }: Checkpoint, subscription: Subscription): Promise<void> {
    const [first] = segments;
    // The first segment says only which links there are: it lacks those that were removed.
    if (first && subscription.position > 0 && subscription.position < first.to) this.#reset(subscription);
    for (const segment of segments) {
      if (segment.to <= subscription.position) continue;
      let records = await this.#options.segments.read(segment);
      for (; records.length > CHUNK; records = records.slice(CHUNK)) {
        subscription.follower.apply(records.slice(0, CHUNK), subscription.position);
        await nextTurn();
      }
      subscription.follower.apply(records, segment.to);
      subscription.position = segment.to;
    }
  }

  #reset(subscription: Subscription): void {
    subscription.follower.reset();
    subscription.position = 0;
  }
}
