import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import type { HistoryEvent } from "../history/history.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { type ContentServices, holdsRole, requireReader, servedBy } from "./registry-access.ts";
import { knowsAddresses, redactedEvent } from "./shown-event.ts";

export { MAX_LISTED_TAGS } from "../content/store-event.ts";

/** A push, a delete, a restore or another commit. */
export interface LogRecord extends Omit<HistoryEvent, "seconds" | "made"> {
  readonly time: Date;
  /** When imported content was made or pushed elsewhere, if that is known. */
  readonly made?: Date;
}

export interface LogRequest {
  readonly instance: InstanceName;
  readonly repository?: RepositoryName | undefined;
  /** A tag of `repository`. */
  readonly tag?: Tag | undefined;
  /** The author. */
  readonly user?: string | undefined;
  /** Older commits are left out. */
  readonly since?: Date | undefined;
}

/**
 * The events of a registry in repositories that the actor may read, newest first. Commits that name no repository, such as
 * a restore of all, are shown to administrators, to their author, and in the log of a repository that they changed. Rejects
 * with `NotAllowedError` for a repository that the actor may not read.
 */
export async function* readLog(
  services: ContentServices,
  actor: Actor,
  { instance, since, ...filter }: LogRequest,
): AsyncGenerator<LogRecord> {
  const { oci, until } = await servedBy(services, instance);
  if (filter.repository) requireReader(actor, instance, filter.repository);
  const seconds = since && Math.floor(since.getTime() / 1000);
  const pace = new Pace(1);
  for await (const event of oci.history.events({ ...filter, since: seconds, until })) {
    await pace.rest();
    const record = visibleRecord(event, actor, { instance, repository: filter.repository });
    if (record) yield record;
  }
}

/** What the actor may know of an event, in the log of a repository that it may read or of all; `undefined`: nothing. */
export function visibleRecord(
  { seconds, made, ...event }: HistoryEvent,
  actor: Actor,
  { instance, repository }: Pick<LogRequest, "instance" | "repository">,
): LogRecord | undefined {
  const named = event.repository ?? repository;
  const repositories = named ? [named] : (event.others ?? []);
  const isVisible =
    repositories.some((name) => holdsRole(actor, instance, name, "reader")) ||
    (!named && (actor.isAdministrator() || event.user === actor.user));
  if (!isVisible) return undefined;
  const remote = knowsAddresses(actor) ? event.remote : undefined;
  return {
    ...event,
    remote,
    ...redactedEvent(event, actor, instance),
    time: new Date(seconds * 1000),
    ...(made !== undefined && { made: new Date(made * 1000) }),
  };
}
