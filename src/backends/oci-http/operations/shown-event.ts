import { ANONYMOUS } from "../../../primitives/users/user.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import type { ParsedEvent } from "../content/store-event.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { holdsRole } from "./registry-access.ts";

/** Replaces a subject that names a repository which the actor may not read; `undefined` if it names none. */
export function redactedEvent(
  { subject, others = [] }: Pick<ParsedEvent, "subject" | "others">,
  actor: Actor,
  instance: InstanceName,
): { readonly subject: string; readonly others: readonly RepositoryName[] } | undefined {
  const readable = others.filter((name) => holdsRole(actor, instance, name, "reader"));
  if (readable.length === others.length) return undefined;
  const [verb = ""] = subject.split(" ");
  return { subject: `${verb} that involves a repository which you may not read`, others: readable };
}

/** Whether the actor learns from which address a change came: who has not logged in does not. */
export function knowsAddresses(actor: Actor): boolean {
  return actor.user !== ANONYMOUS;
}

/** The message of a commit as the actor may see it. */
export function shownMessage(message: string, actor: Actor): string {
  return knowsAddresses(actor) ? message : message.replace(/^Remote: .*\n?/gm, "");
}
