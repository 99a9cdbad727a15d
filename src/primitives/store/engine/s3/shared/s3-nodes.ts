import type { Release } from "../../../../release.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import type { NodeState, Nodes, SeenNode } from "../../nodes.ts";
import { type NodeClock, systemNodeClock } from "./node-clock.ts";
import { decodeReport, encodeReport } from "./node-report.ts";

/** Pause between reports. */
export const REPORT_EVERY_MS = 10_000;
/** After as many reports that did not come, a node counts as gone. */
const GONE_SECONDS = 35;
/** How long a node that is gone is shown, so that an operator finds out which one it was. */
export const FORGOTTEN_SECONDS = 15 * 60;
/** How long a node that stops waits for the object store. */
const LEAVE_MS = 2000;
/** How long the object store may take for a report. */
const TIMEOUT_MS = 5000;
/** Objects that are read at once. */
const WIDTH = 16;

const PREFIX = "nodes/";

interface S3NodesOptions {
  readonly bucket: S3Bucket;
  /** Names this process among the nodes. */
  readonly node: string;
  /** See `SeenNode`; called before each report. */
  readonly behindSeconds: () => Promise<number>;
  readonly clock?: NodeClock;
}

/**
 * Nodes as small objects, `nodes/<name>`, that each writes every few seconds. How long ago that was is a difference of two
 * times of the object store's clock.
 */
export class S3Nodes implements Nodes {
  readonly #options: Required<S3NodesOptions>;
  #stopTimer: Release = () => undefined;
  #reporting: Promise<void> = Promise.resolve();
  #isAnnounced = false;

  constructor(options: S3NodesOptions) {
    this.#options = { clock: systemNodeClock, ...options };
  }

  announce(state: () => NodeState): () => Promise<void> {
    this.#isAnnounced = true;
    void this.#report(state);
    // A node that was killed leaves its object, and perhaps nobody asks for the list.
    this.#forget().catch(() => undefined);
    return async () => {
      this.#isAnnounced = false;
      this.#stopTimer();
      const isOver = Promise.withResolvers<void>();
      const stopTimer = this.#options.clock.after(LEAVE_MS, async () => isOver.resolve());
      await Promise.race([this.#leave(), isOver.promise]);
      stopTimer();
    };
  }

  async list(): Promise<readonly SeenNode[]> {
    const { bucket } = this.#options;
    const seen: SeenNode[] = [];
    for await (const page of bucket.list(PREFIX)) {
      const known = await this.#forgetIn(page);
      for (let from = 0; from < known.length; from += WIDTH) {
        const some = known.slice(from, from + WIDTH);
        const read = await Promise.all(
          some.map(({ key, modified }) => this.#see(key, this.#secondsSince(modified))),
        );
        seen.push(...read.filter((node) => node !== undefined));
      }
    }
    return seen;
  }

  async #forget(): Promise<void> {
    for await (const page of this.#options.bucket.list(PREFIX)) await this.#forgetIn(page);
  }

  /** Deletes the objects of nodes that are gone for long, and resolves with the others. */
  async #forgetIn<T extends { readonly key: string; readonly modified: Date }>(
    page: readonly T[],
  ): Promise<T[]> {
    const isForgotten = ({ modified }: T) => this.#secondsSince(modified) > FORGOTTEN_SECONDS;
    const forgotten = page.filter(isForgotten).map(({ key }) => key);
    if (forgotten.length > 0) await this.#options.bucket.removeAll(forgotten);
    return page.filter(({ key }) => !forgotten.includes(key));
  }

  /** By the store's clock. */
  #secondsSince(modified: Date): number {
    const now = this.#options.bucket.client.storeTime.getTime();
    return Math.max(0, Math.round((now - modified.getTime()) / 1000));
  }

  get #key(): string {
    return `${PREFIX}${this.#options.node}`;
  }

  async #see(key: string, seenSecondsAgo: number): Promise<SeenNode | undefined> {
    const object = await this.#options.bucket.read(key);
    // It may have stopped meanwhile.
    const report = object && decodeReport(object.bytes);
    if (!report) return undefined;
    const isGone = seenSecondsAgo > GONE_SECONDS;
    return { name: key.slice(PREFIX.length), isSelf: key === this.#key, seenSecondsAgo, isGone, ...report };
  }

  /** Otherwise it is shown as gone for a while. */
  async #leave(): Promise<void> {
    await this.#reporting;
    await this.#options.bucket.remove(this.#key).catch(() => undefined);
  }

  #report(state: () => NodeState): Promise<void> {
    this.#reporting = this.#write(state).finally(() => {
      if (!this.#isAnnounced) return;
      this.#stopTimer = this.#options.clock.after(REPORT_EVERY_MS, () => this.#report(state));
    });
    return this.#reporting;
  }

  async #write(state: () => NodeState): Promise<void> {
    const { bucket, behindSeconds } = this.#options;
    try {
      const bytes = encodeReport({ behindSeconds: await behindSeconds(), state: state() });
      await bucket.put(this.#key, bytes, { timeoutMs: TIMEOUT_MS });
    } catch {
      // The others miss it, and the next one is on its way.
    }
  }
}
