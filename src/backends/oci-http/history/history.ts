import type { Commit } from "../../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { madeAt, type ParsedEvent, parseEvent } from "../content/store-event.ts";

/** A push, a delete or another change of a registry, read from its commit. */
export interface HistoryEvent extends ParsedEvent {
  readonly commitId: ObjectId;
  /** Seconds since the epoch. */
  readonly seconds: number;
  readonly user: string;
  /** When imported content was made or pushed elsewhere, in seconds since the epoch, if that is known. */
  readonly made?: number;
}

export interface HistoryFilter {
  readonly repository?: RepositoryName | undefined;
  readonly tag?: Tag | undefined;
  readonly user?: string | undefined;
  /** Seconds since the epoch; older events are left out. */
  readonly since?: number | undefined;
  /** Events of later commits are left out. */
  readonly until?: ObjectId | undefined;
}

/** The history stores the event as JSON and compares it, so the order of the properties matters. */
export function eventOf(commitId: ObjectId, commit: Commit): HistoryEvent {
  const { author, committer, message } = commit;
  const made = madeAt(commit);
  const event = { commitId, seconds: committer.seconds, user: author.name, ...parseEvent(message) };
  return made === undefined ? event : { ...event, made };
}
