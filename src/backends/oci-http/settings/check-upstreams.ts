import type { InstanceValues } from "./instance-settings.ts";
import { clashOf } from "./proxy-route.ts";
import { originOf } from "./upstream-names.ts";

type Named = { readonly name: string } & InstanceValues;

/** Why upstreams and proxies can't be as they are, for all registries together; `undefined` if they can. */
export function upstreamFault(instances: readonly Named[]): string | undefined {
  const owners = new Map<string, string>();
  for (const { name, upstream, proxies, vhosts, nsVhosts } of instances) {
    const clash = clashOf(proxies);
    if (clash !== undefined) return `the registry '${name}': ${clash}`;
    const origin = upstream === undefined ? undefined : originOf(upstream);
    if (origin === undefined) continue;
    for (const host of new Set([...vhosts, ...nsVhosts])) {
      const owner = owners.get(`${host} ${origin}`);
      if (owner !== undefined) return `the host '${host}' has '${owner}' for the upstream ${origin} already`;
      owners.set(`${host} ${origin}`, name);
    }
  }
  return undefined;
}

/** Why `ns-vhost` of a registry would have no effect, in a line; `undefined` if it has. */
export function idleUpstreamFault({ name, upstream, nsVhosts }: Named): string | undefined {
  const hasOrigin = upstream !== undefined && originOf(upstream) !== undefined;
  if (nsVhosts.length === 0 || hasOrigin) return undefined;
  return `ns-vhost= selects '${name}' by the host of its upstream: it needs upstream= with a URL without path`;
}
