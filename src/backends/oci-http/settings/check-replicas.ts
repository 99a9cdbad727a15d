import type { InstanceValues } from "./instance-settings.ts";

type InstanceConfig = { readonly name: string } & InstanceValues;

/** Why registries can't use their stores together with a replica, in a line; `undefined` if they can. */
export function sharingFault(instances: readonly InstanceConfig[]): string | undefined {
  for (const replica of instances) {
    const { name, follow, at, store } = replica;
    if (follow === undefined || at !== undefined) continue;
    const other = instances.find(
      (candidate) => candidate !== replica && candidate.store === store && candidate.at === undefined,
    );
    if (other)
      return `the registry '${other.name}' can't use the store '${store}', which belongs to the replica '${name}' alone; registries at past states of it (at=) can`;
  }
  return undefined;
}

/** Why a registry can be no replica, in a line; `undefined` if it is none or can. */
export function followFault({ name, follow, upstream, at }: InstanceConfig): string | undefined {
  if (follow === undefined) return undefined;
  if (upstream === undefined)
    return `'${name}' needs the address of what it is to follow: upstream=https://primary.example.org`;
  return at === undefined ? undefined : `'${name}' serves a past state and can follow nothing`;
}

/** Why a replica accepts no changes, in words for the client; `undefined` for a registry that is none. */
export function replicaReason({ name, follow, upstream }: InstanceConfig): string | undefined {
  if (follow === undefined) return undefined;
  return `the registry '${name}' is a replica of ${upstream ?? "another one"} and read-only; push to that one`;
}
