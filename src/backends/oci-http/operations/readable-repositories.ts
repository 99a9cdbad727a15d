import { Pace } from "../../../primitives/jobs/pace.ts";
import type { AccessPath } from "../../../primitives/users/access-path.ts";
import { mergeRanges, type NameRange } from "../../../registry/model/name-range.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { namesUnder } from "../access/readable-names.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { holdsRole } from "./registry-access.ts";

/** Whether a grant covers every repository of a registry. */
export function readsAll(actor: Actor, instance: InstanceName): boolean {
  return actor.allows(`http/oci/${instance}` as AccessPath, "reader");
}

/** The names among which all repositories are that the actor may read. */
export function readableRanges(actor: Actor, instance: InstanceName): NameRange[] {
  return mergeRanges(actor.patternsIn(`http/oci/${instance}` as AccessPath).map(namesUnder));
}

/**
 * The repositories of `list` that the actor may read, in one range after the other; `undefined` if there are more than `most`.
 * `list` yields the names of a range in their order.
 */
export async function readableOf<T>(
  actor: Actor,
  instance: InstanceName,
  list: (range: NameRange) => Iterable<T & { readonly name: string }>,
  most: number,
): Promise<(T & { readonly name: string })[] | undefined> {
  const pace = new Pace(0.5);
  const found: (T & { readonly name: string })[] = [];
  for (const range of readableRanges(actor, instance)) {
    for (const entry of list(range)) {
      await pace.rest();
      if (!holdsRole(actor, instance, entry.name as RepositoryName, "reader")) continue;
      if (found.length === most) return undefined;
      found.push(entry);
    }
  }
  return found;
}
