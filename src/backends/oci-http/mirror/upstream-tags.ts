import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import type { ListCursor } from "../../../registry/client/registry-client.ts";
import type { UpstreamAnswer } from "../../../registry/client/upstream-answer.ts";
import type { Page, PageRequest } from "../../../registry/model/page.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { UpstreamRepository } from "./mirrored-registry.ts";

const PAGE = 1000;
/** Pages of upstream that become one of ours. */
const MAX_PAGES = 10;
const MAX_CURSOR_BYTES = 1024 * 1024;

/** Reads lists of tags from upstreams. */
export class UpstreamTags {
  /** How upstream goes on after a tag; without it, the name of the tag must do. */
  readonly #cursors = new ByteCache<ListCursor>(MAX_CURSOR_BYTES);

  async page(
    { upstream, name }: UpstreamRepository,
    { last, limit }: PageRequest,
    signal: AbortSignal,
  ): Promise<UpstreamAnswer<{ readonly page: Page<Tag> }>> {
    const entries: Tag[] = [];
    const keyOf = (tag: string) => `${upstream.url} ${name} ${tag}`;
    let cursor = this.#cursors.get(keyOf(last));
    for (let pages = 0; ; pages++) {
      const left = Math.min(PAGE, limit - entries.length);
      const after = cursor !== undefined ? { cursor } : last !== "" ? { last } : undefined;
      const answer = await upstream.tags(name, { limit: left, after, signal });
      if (answer.kind !== "found") return answer;
      entries.push(...answer.entries.slice(0, left));
      cursor = answer.next;
      const more = cursor !== undefined;
      const end = entries.at(-1);
      if (cursor !== undefined && end !== undefined) this.#cursors.set(keyOf(end), cursor, cursor.length * 2);
      if (!more || entries.length >= limit || pages >= MAX_PAGES)
        return { kind: "found", page: { entries, more: more && end !== undefined } };
    }
  }
}
