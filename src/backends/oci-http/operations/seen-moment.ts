import { ExpectedError } from "../../../primitives/expected-error.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { Actor } from "../../actor.ts";
import { firstOf } from "../../first-of.ts";
import { NotAllowedError } from "../../refusals.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { caughtUp } from "./caught-up.ts";
import { commitAt, type Moment } from "./moment.ts";
import { readableChanges } from "./readable-changes.ts";
import { readsAll } from "./readable-repositories.ts";
import { type ContentServices, servedBy } from "./registry-access.ts";

interface NamedMoment {
  readonly instance: InstanceName;
  readonly moment: Moment;
}

/**
 * Resolves if the actor may name a moment: every time, and the commits that changed what the actor may read. Rejects with
 * `NotAllowedError`, the same for a commit that does not exist. Who may read everything is let through.
 */
export async function requireSeen(
  services: ContentServices,
  actor: Actor,
  named: NamedMoment,
): Promise<void> {
  const { instance, moment } = named;
  await caughtUp(services, instance);
  if (moment.point.kind === "time" || seesAll(actor, instance)) return;
  const { oci, until } = await servedBy(services, instance);
  const id = await seenCommitAt(commitAt(oci, moment, until), actor, named);
  const { parents } = await oci.store.commitAt(id);
  const changes = readableChanges(oci.store, { actor, instance, from: parents[0], to: id });
  if ((await firstOf(changes, 1)).entries.length === 0) throw unseen(moment);
}

/** A commit of which the actor may not know, or none. */
export function unseen({ text }: Moment): NotAllowedError {
  return new NotAllowedError(`no commit '${text}' that changed what you may read`);
}

/** Who may not see all commits is told of none why it can't be found. */
export async function seenCommitAt(
  found: Promise<ObjectId>,
  actor: Actor,
  { instance, moment }: NamedMoment,
): Promise<ObjectId> {
  try {
    return await found;
  } catch (error) {
    throw error instanceof ExpectedError && !seesAll(actor, instance) ? unseen(moment) : error;
  }
}

function seesAll(actor: Actor, instance: InstanceName): boolean {
  return actor.isAdministrator() || readsAll(actor, instance);
}
