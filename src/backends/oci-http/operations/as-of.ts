import type { Actor } from "../../actor.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { LogRecord } from "./log.ts";
import { readLogPage } from "./log-page.ts";
import type { Moment } from "./moment.ts";
import type { ContentServices } from "./registry-access.ts";

/** What an actor may know of a past moment. */
export interface AsOfRecord {
  /** The time as given or, of a commit, that of `last`. */
  readonly time: Date | undefined;
  /** The last change until then, of those that the actor may see; `undefined`: there was none. */
  readonly last: LogRecord | undefined;
}

/** Rejects with `UnknownMomentError`, or with `InvalidArgumentError` if several commits begin with the given digits. */
export async function describeMoment(
  services: ContentServices,
  actor: Actor,
  { instance, at }: { readonly instance: InstanceName; readonly at: Moment },
): Promise<AsOfRecord> {
  const { entries } = await readLogPage(services, actor, { instance, at, limit: 1 });
  const [last] = entries;
  const time = at.point.kind === "time" ? new Date(at.point.seconds * 1000) : last?.time;
  return { time, last };
}
