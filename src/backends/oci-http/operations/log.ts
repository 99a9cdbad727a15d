import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import type { HistoryEvent } from "../history/history.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { type ContentServices, holdsRole, servedBy } from "./registry-access.ts";

/** A push, a delete, a restore or another commit. */
export interface LogRecord extends Omit<HistoryEvent, "seconds"> {
  readonly time: Date;
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
 * The events of a registry in repositories that the actor may read, newest first. Only administrators see commits that name
 * no repository.
 */
export async function* readLog(
  services: ContentServices,
  actor: Actor,
  { instance, since, ...filter }: LogRequest,
): AsyncGenerator<LogRecord> {
  const { oci, until } = await servedBy(services, instance);
  const seconds = since && Math.floor(since.getTime() / 1000);
  const pace = new Pace(1);
  for await (const { seconds: at, ...event } of oci.history.events({ ...filter, since: seconds, until })) {
    await pace.rest();
    if (maySee(actor, instance, event.repository)) yield { ...event, time: new Date(at * 1000) };
  }
}

function maySee(actor: Actor, instance: InstanceName, repository: RepositoryName | undefined): boolean {
  return repository === undefined
    ? actor.isAdministrator()
    : holdsRole(actor, instance, repository, "reader");
}
