import type { Actor } from "../../actor.ts";
import type { ContentChange } from "../content/content-changes.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { type Moment, stateAt } from "./moment.ts";
import { readableChanges } from "./readable-changes.ts";
import { type ContentServices, servedBy } from "./registry-access.ts";
import { requireSeen } from "./seen-moment.ts";

export type { ContentChange } from "../content/content-changes.ts";

export interface DiffRequest {
  readonly instance: InstanceName;
  readonly from: Moment;
  /** `undefined`: the newest state that the registry serves. */
  readonly to: Moment | undefined;
}

/** The tags and manifests that differ between two moments, of repositories that the actor may read; rejects as `requireSeen` does. */
export async function* diffMoments(
  services: ContentServices,
  actor: Actor,
  { instance, from, to }: DiffRequest,
): AsyncGenerator<ContentChange> {
  for (const moment of to ? [from, to] : [from]) await requireSeen(services, actor, { instance, moment });
  const { oci, until } = await servedBy(services, instance);
  const newest = until ?? oci.store.head().commitId;
  const then = await stateAt(oci, from, until);
  const now = to ? await stateAt(oci, to, until) : newest;
  yield* readableChanges(oci.store, { actor, instance, from: then, to: now });
}
