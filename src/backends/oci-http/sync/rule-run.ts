import { allOf } from "../../../primitives/jobs/all-of.ts";
import { formatSize } from "../../../primitives/text/byte-size.ts";
import { counted } from "../../../primitives/text/counted.ts";
import type { ListCursor } from "../../../registry/client/registry-client.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { formatSyncRule, type SyncRule, selectsTag } from "../policy/sync-rules.ts";
import { BlobCopies } from "./blob-copies.ts";
import type { CompleteImages } from "./collected-image.ts";
import { CopyFault } from "./copy-fault.ts";
import { deleteGoneTags } from "./gone-tags.ts";
import type { PatientUpstream } from "./patient-upstream.ts";
import { TagCopies } from "./tag-copies.ts";

const TAGS_AT_ONCE = 3;
const PAGE = 1000;
/** Most tags of an upstream repository. */
const MAX_TAGS = 200_000;
const MAX_PAGES = 20_000;

export interface RuleRunOptions {
  readonly upstream: PatientUpstream;
  readonly rule: SyncRule;
  readonly complete: CompleteImages;
  readonly isDryRun: boolean;
  /** Called with what has been done so far. */
  readonly progress: (text: string) => void;
  readonly received: (bytes: number) => void;
}

/** What became of a rule. Tags are written with their repository. */
export class RuleResult {
  readonly moved: string[] = [];
  readonly deleted: string[] = [];
  /** With the reason. */
  readonly skipped: string[] = [];
  /** With the reason. */
  readonly failed: string[] = [];
  /** Rules that mean none of upstream's tags: a typing error, or a version that is to come. */
  readonly idle: string[] = [];
  unchanged = 0;
  bytes = 0;

  static failure(reason: string): RuleResult {
    const result = new RuleResult();
    result.failed.push(reason);
    return result;
  }
}

/** Copies what a rule names. What fails does not hold up the rest, unless all of it would fail as well. */
export async function runRule(options: RuleRunOptions): Promise<RuleResult> {
  const { upstream, rule } = options;
  const result = new RuleResult();
  try {
    const tags = await listTags(upstream, rule);
    await copyTags(options, tags, result);
    const gone = await deleteGoneTags({ ...options, tags });
    result.deleted.push(...gone.map((tag) => `${rule.repository}:${tag}`));
  } catch (error) {
    if (!(error instanceof CopyFault)) throw error;
    result.failed.push(`${rule.repository}: ${error.message}`);
  }
  return result;
}

async function copyTags(
  { upstream, rule, complete, isDryRun, progress, received }: RuleRunOptions,
  tags: readonly Tag[],
  result: RuleResult,
): Promise<void> {
  const blobs = new BlobCopies(upstream, (bytes) => {
    result.bytes += bytes;
    received(bytes);
  });
  const copies = new TagCopies({ upstream, rule, tags, blobs, complete, isDryRun });
  const wanted = tags.filter((tag) => selectsTag(rule, tag));
  if (wanted.length === 0 && tags.length > 0)
    result.idle.push(
      `sync=${formatSyncRule(rule)} names no tag that upstream has (${counted(tags.length, "tag")})`,
    );
  let done = 0;
  const show = () =>
    progress(
      `${done.toLocaleString("en")} of ${wanted.length.toLocaleString("en")} ${wanted.length === 1 ? "tag" : "tags"}, ${formatSize(result.bytes)} fetched`,
    );
  show();
  await allOf(wanted, TAGS_AT_ONCE, async (tag) => {
    const name = `${rule.repository}:${tag}`;
    try {
      const outcome = await copies.copy(tag);
      if (outcome.kind === "skipped") result.skipped.push(`${name} skipped: ${outcome.reason}`);
      else if (outcome.kind === "moved" || outcome.kind === "completed") result.moved.push(name);
      else if (outcome.kind === "unchanged") result.unchanged++;
    } catch (error) {
      if (!(error instanceof CopyFault) || error.endsRule) throw error;
      result.failed.push(`${name}: ${error.message}`);
    }
    done++;
    show();
  });
}

/** All tags of upstream's repository. */
async function listTags(upstream: PatientUpstream, { repository }: SyncRule): Promise<readonly Tag[]> {
  const { from } = upstream.request;
  const tags = new Set<Tag>();
  let cursor: ListCursor | undefined;
  let pages = 0;
  do {
    const page = await upstream.ask((signal) =>
      from.upstream.tags(from.name, {
        limit: PAGE,
        after: cursor === undefined ? undefined : { cursor },
        signal,
      }),
    );
    if (!page) throw new CopyFault(`upstream has no repository '${repository}'`, true);
    for (const tag of page.entries) tags.add(tag);
    if (tags.size > MAX_TAGS || ++pages > MAX_PAGES)
      throw new CopyFault(`upstream's list of tags does not end after ${tags.size} tags`, true);
    cursor = page.next;
  } while (cursor !== undefined);
  return [...tags];
}
