import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { type ObjectId, parseObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import { type EventKind, eventKind } from "../content/store-event.ts";
import { tagTarget } from "../content/tag-target.ts";
import type { MoveRow } from "../history/history-database.ts";
import { eventAt, seqOf } from "../history/tag-sets.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { checkLimit } from "./found-page.ts";
import { lastPlace } from "./last-place.ts";
import type { Moment } from "./moment.ts";
import { type ContentServices, configOf, requireReader } from "./registry-access.ts";
import { knowsAddresses, redactedEvent } from "./shown-event.ts";

export interface TagMovesRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  readonly tag: Tag;
  /** From the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
  /** As of a moment: later commits are left out. */
  readonly at?: Moment | undefined;
}

/** A commit that set or deleted a tag. */
export interface TagMoveRecord {
  readonly commit: ObjectId;
  readonly time: Date;
  readonly user: string;
  readonly client: string | undefined;
  /** The client's address. */
  readonly remote: string | undefined;
  readonly subject: string;
  readonly kind: EventKind;
  /** `undefined`: there was no such tag. */
  readonly before: Digest | undefined;
  readonly after: Digest | undefined;
}

export interface TagMovesPage {
  /** The newest first. */
  readonly entries: readonly TagMoveRecord[];
  /** The cursor of the next page. */
  readonly next: string | undefined;
}

/**
 * The line of a tag: every commit that set or deleted it. Empty for a tag that never was. Rejects with `NotAllowedError` if the
 * actor may not read the repository.
 */
export async function tagMoves(
  services: ContentServices,
  actor: Actor,
  { instance, repository, tag, cursor, limit, at }: TagMovesRequest,
): Promise<TagMovesPage> {
  checkLimit(limit);
  configOf(services, instance);
  requireReader(actor, instance, repository);
  const { history, store } = services.instances.storeOf(instance);
  const newest = await lastPlace(services, instance, at);
  const commit = cursor === undefined ? undefined : parseObjectId(cursor);
  const last = commit && seqOf(history, commit);
  if (cursor !== undefined && last === undefined)
    throw new InvalidArgumentError("the cursor is not one of this list; begin with the first page");
  const before = Math.min(newest + 1, last ?? Number.MAX_SAFE_INTEGER);
  const sql = `SELECT * FROM moves WHERE repository = $repository AND tag = $tag AND seq < $before
    ORDER BY seq DESC LIMIT ${limit + 1}`;
  const moves = history.rows<MoveRow>(sql, { repository, tag, before });
  const pace = new Pace(0.5);
  const states: { event: NonNullable<ReturnType<typeof eventAt>>; digest: Digest | undefined }[] = [];
  for (const { seq } of moves) {
    const event = eventAt(history, seq);
    // What a commit's message says may be wrong, if stock git made it.
    if (event)
      states.push({ event, digest: await tagTarget(await store.at(event.commitId), repository, tag) });
    await pace.rest();
  }
  const entries = states.slice(0, limit).map(({ event, digest }, i): TagMoveRecord => {
    const { commitId, seconds, user, client, remote, subject } = event;
    return {
      commit: commitId,
      time: new Date(seconds * 1000),
      user,
      client,
      remote: knowsAddresses(actor) ? remote : undefined,
      subject: redactedEvent(event, actor, instance)?.subject ?? subject,
      kind: eventKind(subject),
      before: states[i + 1]?.digest,
      after: digest,
    };
  });
  return { entries, next: states.length > limit ? entries.at(-1)?.commit : undefined };
}
