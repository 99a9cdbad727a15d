import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { numberInKey } from "./log-keys.ts";

/** How long a node appends without a pause before it looks whether another one can't get in, in milliseconds. */
const SLICE_MS = 100;
/** How long a node waits for the entry of another one that asked, in milliseconds. A node that lives asks again after it. */
const TURN_MS = 2000;
/** A request that is older by the store's clock, which tells seconds alone, is that of a node that has ended (ms). */
const LIVING_MS = TURN_MS + 2000;
const EMPTY = new Uint8Array();
/** Most names of requests that are remembered. */
const MAX_IGNORED = 1000;

/** A node lost races for the entries up to a number. */
interface TurnRequest {
  readonly key: string;
  readonly node: string;
  readonly after: number;
}

export interface TurnsOptions {
  readonly bucket: S3Bucket;
  /** The prefix of the requests' keys. */
  readonly prefix: string;
  readonly node: string;
  /** Milliseconds. */
  readonly now: () => number;
}

/**
 * Gives a turn to nodes that are too slow or too distant to be first: while one node appends entry after entry, another one
 * reads each only after the next was written. So a node that loses asks for a turn, by an object beside the log, and a node
 * that appends without a pause looks for such objects now and then, and waits until the first one that asked has appended.
 * This makes the log fair; it plays no part in what is correct, and failures of its requests do not matter.
 */
export class Turns {
  readonly #options: TurnsOptions;
  /** The number of the newest entry of each node. */
  readonly #newest = new Map<string, number>();
  /** Requests of nodes that did not append in time. */
  readonly #ignored = new Set<string>();
  /** When this node appended last, and since when it does so without a pause. */
  #appended = Number.NEGATIVE_INFINITY;
  #busySince = 0;
  #own: { readonly key: string; readonly since: number } | undefined;
  #holder: { readonly request: TurnRequest; readonly since: number } | undefined;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** To be called with each entry of the log. */
  applied(node: string, number: number): void {
    this.#newest.set(node, number);
    if (node === this.#holder?.request.node) this.#holder = undefined;
  }

  /** Whether this node is to wait for another one. */
  get isHeld(): boolean {
    if (this.#holder && this.#options.now() - this.#holder.since > TURN_MS) {
      if (this.#ignored.size >= MAX_IGNORED) this.#ignored.clear();
      this.#ignored.add(this.#holder.request.key);
      this.#holder = undefined;
    }
    return this.#holder !== undefined;
  }

  /** To be called when an entry is about to be written. Looks whether another node asks for a turn, if it is time to. */
  async appending(): Promise<void> {
    const now = this.#options.now();
    if (now - this.#appended > SLICE_MS) this.#busySince = now;
    // Nodes that ask must not wait for each other.
    if (this.#own || now - this.#busySince < SLICE_MS) return;
    this.#busySince = now;
    const request = await this.#firstRequest().catch(() => undefined);
    if (request) this.#holder = { request, since: this.#options.now() };
  }

  /** To be called when this node has appended. */
  appendedNow(): void {
    this.#appended = this.#options.now();
    if (this.#own) this.#options.bucket.remove(this.#own.key).catch(() => undefined);
    this.#own = undefined;
  }

  /** Asks for a turn; `after` is the number of the newest entry. */
  ask(after: number): void {
    const { bucket, prefix, node, now } = this.#options;
    if (this.#own && now() - this.#own.since < TURN_MS) return;
    const key = `${prefix}${numberInKey(after)}-${encodeURIComponent(node)}`;
    const before = this.#own?.key;
    this.#own = { key, since: now() };
    bucket.put(key, EMPTY).catch(() => undefined);
    if (before !== undefined && before !== key) bucket.remove(before).catch(() => undefined);
  }

  async #firstRequest(): Promise<TurnRequest | undefined> {
    const { bucket, prefix, node } = this.#options;
    for await (const page of bucket.list(prefix)) {
      const now = bucket.client.storeTime.getTime();
      const old = page.filter(({ modified }) => now - modified.getTime() > LIVING_MS);
      const requests = page.flatMap(({ key }) => parseRequest(key, prefix) ?? []);
      const isOver = (one: TurnRequest) =>
        (this.#newest.get(one.node) ?? 0) > one.after || old.some(({ key }) => key === one.key);
      // Left over by nodes that ended before they had their turn, or that could not remove them.
      const done = requests.filter((one) => isOver(one) || this.#ignored.has(one.key));
      if (done.length > 0) bucket.removeAll(done.map(({ key }) => key)).catch(() => undefined);
      return requests.find((one) => one.node !== node && !done.includes(one));
    }
    return undefined;
  }
}

function parseRequest(key: string, prefix: string): TurnRequest | undefined {
  const [, after, node] = key.slice(prefix.length).match(/^(\d+)-(.+)$/) ?? [];
  return node === undefined ? undefined : { key, node: decodeURIComponent(node), after: Number(after) };
}
