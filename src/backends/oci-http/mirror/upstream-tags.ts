import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { ListCursor } from "../../../registry/client/registry-client.ts";
import type { UpstreamAnswer, UpstreamFailure } from "../../../registry/client/upstream-answer.ts";
import type { Page, PageRequest } from "../../../registry/model/page.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { partiesOf } from "./fetch-parties.ts";
import { type FetchLimits, FetchTurns } from "./fetch-turns.ts";
import type { UpstreamRepository, UpstreamRequest } from "./mirrored-registry.ts";

const PAGE = 1000;
/** Pages of upstream that become one of ours. */
const MAX_PAGES = 10;
const MAX_CURSOR_BYTES = 1024 * 1024;
/** How long (ms) a client waits for a list of upstream. */
const WAIT_MS = 30_000;
/** How long (ms) a page is known; never longer than a tag. */
const KEPT_MS = 10_000;
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
/** Of a listed tag, besides its name. */
const BYTES_OF_TAG = 40;
/** Requests for lists; each may hold some MiB. */
const LIMITS: FetchLimits = {
  atOnce: 12,
  ofUpstream: 4,
  ofClient: 9,
  ofClientAtUpstream: 3,
  waiting: 200,
  waitingOfClient: 100,
};

type Answer = UpstreamAnswer<{ readonly page: Page<Tag> }>;

/** Reads lists of tags from upstreams. Equal requests share one. */
export class UpstreamTags {
  readonly #now: MonotonicClock;
  /** How upstream goes on after a tag; without it, the name of the tag must do. */
  readonly #cursors = new ByteCache<ListCursor>(MAX_CURSOR_BYTES);
  readonly #kept = new ByteCache<{ readonly page: Page<Tag>; readonly until: number }>(MAX_KEPT_BYTES);
  readonly #running = new Map<string, Promise<Answer>>();
  readonly #turns = new FetchTurns(LIMITS);

  constructor(now: MonotonicClock = monotonicMs) {
    this.#now = now;
  }

  /** Rejects with `OverloadedError` where too many wait. */
  async page(asked: UpstreamRequest, request: PageRequest): Promise<Answer> {
    const { from, registry } = asked;
    const { url } = from.upstream;
    const key = `${registry.config.name} ${url} ${from.name} ${request.limit} ${request.last}`;
    const kept = this.#kept.get(key);
    if (kept && kept.until > this.#now()) return { kind: "found", page: kept.page };
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#turns
        .run(partiesOf(asked), () => this.#read(from, request, key))
        .finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    return running;
  }

  async #read(from: UpstreamRepository, request: PageRequest, key: string): Promise<Answer> {
    const signal = AbortSignal.timeout(WAIT_MS);
    const answer = await this.#pages(from, request, signal).catch((error): UpstreamFailure => {
      if (!signal.aborted) throw error;
      const reason = `${from.upstream.url} sent no list of tags within ${WAIT_MS / 1000} s`;
      return { kind: "unavailable", reason };
    });
    if (answer.kind === "found") {
      const { page } = answer;
      const bytes = page.entries.reduce((sum, tag) => sum + tag.length + BYTES_OF_TAG, 0);
      this.#kept.set(key, { page, until: this.#now() + Math.min(KEPT_MS, from.checkMs) }, bytes);
    }
    return answer;
  }

  async #pages(
    { upstream, name }: UpstreamRepository,
    { last, limit }: PageRequest,
    signal: AbortSignal,
  ): Promise<Answer> {
    const entries: Tag[] = [];
    const keyOf = (tag: string) => `${upstream.url} ${name} ${tag}`;
    let cursor = this.#cursors.get(keyOf(last));
    for (let pages = 1; ; pages++) {
      const left = limit - entries.length;
      const after = cursor !== undefined ? { cursor } : last !== "" ? { last } : undefined;
      const answer = await upstream.tags(name, { limit: Math.min(PAGE, left), after, signal });
      if (answer.kind !== "found") return answer;
      // An upstream that ignores where to begin sends this tag again, and all that are before it.
      const received =
        cursor === undefined ? answer.entries.slice(indexAfter(answer.entries, last)) : answer.entries;
      entries.push(...received.slice(0, left));
      cursor = answer.next;
      const end = entries.at(-1);
      const isCut = received.length > left;
      if (!isCut && cursor !== undefined && end !== undefined)
        this.#cursors.set(keyOf(end), cursor, cursor.length * 2);
      const more = isCut || (cursor !== undefined && end !== undefined);
      if (cursor === undefined || entries.length >= limit || pages >= MAX_PAGES)
        return { kind: "found", page: { entries, more } };
    }
  }
}

/** Zero if it is not among the tags. */
function indexAfter(tags: readonly Tag[], last: string): number {
  return tags.indexOf(last as Tag) + 1;
}
