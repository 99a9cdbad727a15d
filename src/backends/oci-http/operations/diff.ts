import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { Actor } from "../../actor.ts";
import { type ContentChange, changesBetween } from "../content/content-changes.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { type Moment, stateAt } from "./moment.ts";
import { type ContentServices, holdsRole, servedBy } from "./registry-access.ts";

export type { ContentChange } from "../content/content-changes.ts";

export interface DiffRequest {
  readonly instance: InstanceName;
  readonly from: Moment;
  /** `undefined`: the newest state that the registry serves. */
  readonly to: Moment | undefined;
}

/** The tags and manifests that differ between two moments, of repositories that the actor may read. */
export async function* diffMoments(
  services: ContentServices,
  actor: Actor,
  { instance, from, to }: DiffRequest,
): AsyncGenerator<ContentChange> {
  const { oci, until } = await servedBy(services, instance);
  const newest = until ?? oci.store.head().commitId;
  const then = await stateAt(oci, from, until);
  const now = to ? await stateAt(oci, to, until) : newest;
  yield* readableChanges(oci.store, { actor, instance, from: then, to: now });
}

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
