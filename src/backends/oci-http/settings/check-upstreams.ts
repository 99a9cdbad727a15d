import { formatSyncRule } from "../policy/sync-rules.ts";
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

/** Why a setting of a registry that concerns its upstream would have no effect, in a line; `undefined` if each has one. */
export function idleUpstreamFault(config: Named): string | undefined {
  const { name, upstream, nsVhosts } = config;
  const hasOrigin = upstream !== undefined && originOf(upstream) !== undefined;
  if (nsVhosts.length > 0 && !hasOrigin)
    return `ns-vhost= selects '${name}' by the host of its upstream: it needs upstream= with a URL without path`;
  return idleCopyFault(config);
}

function idleCopyFault({ name, sync, keepPulled, keepSize, upstream, proxies }: Named): string | undefined {
  const keeping =
    keepPulled !== undefined ? "keep-pulled=" : keepSize !== undefined ? "keep-size=" : undefined;
  if (keeping !== undefined && upstream === undefined && proxies.length === 0)
    return `${keeping} is for what comes from upstream: '${name}' needs upstream= or proxy=, or no ${keeping}`;
  const written = new Set<string>();
  for (const rule of sync) {
    const { repository } = rule;
    if (upstream === undefined && !proxies.some(({ prefix }) => repository.startsWith(`${prefix}/`)))
      return `sync=${repository}: '${name}' has no upstream for it; set upstream=, or proxy= with a prefix of it, or remove the rule`;
    const text = formatSyncRule(rule);
    if (written.has(text)) return `sync=${text} is there twice`;
    written.add(text);
  }
  return undefined;
}
