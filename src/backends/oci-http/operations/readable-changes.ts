import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { Actor } from "../../actor.ts";
import { type ContentChange, changesBetween } from "../content/content-changes.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { holdsRole } from "./registry-access.ts";

interface ReadableRange {
  readonly actor: Actor;
  readonly instance: InstanceName;
  /** The older commit; `undefined` is the empty store, in both. */
  readonly from: ObjectId | undefined;
  readonly to: ObjectId | undefined;
}

/** The differences between two commits in repositories that the actor may read. */
export async function* readableChanges(
  store: Store,
  { actor, instance, from, to }: ReadableRange,
): AsyncGenerator<ContentChange> {
  const pace = new Pace(1);
  for await (const change of changesBetween(store, from, to)) {
    await pace.rest();
    if (holdsRole(actor, instance, change.repository, "reader")) yield change;
  }
}
