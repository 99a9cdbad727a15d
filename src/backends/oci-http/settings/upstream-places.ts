import type { InstanceConfig } from "./instance-config.ts";
import { checkMs, waitMs } from "./upstream-values.ts";

/** Where a part of a registry's content comes from. */
export interface UpstreamPlace {
  /** Empty: all repositories; otherwise the first components of their names, which upstream does not have. */
  readonly prefix: string;
  readonly upstream: string;
  /** How old a tag may be before upstream is asked; 0: always asked, infinite: never. */
  readonly checkMs: number;
  /** How long upstream may be silent before the copy is served. */
  readonly waitMs: number;
}

type UpstreamConfig = Pick<
  InstanceConfig,
  "upstream" | "proxies" | "check" | "wait" | "at" | "follow" | "mode"
>;

/** The places that are asked; none in the mode `read-only`, in which content must not change. */
export function placesOf(config: UpstreamConfig): UpstreamPlace[] {
  return config.mode === "read-only" ? [] : knownPlacesOf(config);
}

/**
 * The places from which the content of a registry came, whether they are asked or not; none for one at a past state, which serves
 * what it has, and for a replica, which has all that its primary has.
 */
export function knownPlacesOf(config: Omit<UpstreamConfig, "mode">): UpstreamPlace[] {
  const { upstream, proxies, check, wait, at, follow } = config;
  if (at !== undefined || follow !== undefined) return [];
  return [
    ...(upstream === undefined
      ? []
      : [{ prefix: "", upstream, checkMs: checkMs(check), waitMs: waitMs(wait) }]),
    ...proxies.map((route) => ({
      prefix: route.prefix,
      upstream: route.upstream,
      checkMs: checkMs(route.check ?? check),
      waitMs: waitMs(route.wait ?? wait),
    })),
  ];
}

/** The place with the longest prefix of a repository's name; `undefined` if all of its content is this registry's own. */
export function placeFor<T extends { readonly prefix: string }>(
  places: readonly T[],
  repository: string,
): T | undefined {
  let found: T | undefined;
  for (const place of places)
    if (isBelow(place.prefix, repository) && place.prefix.length >= (found?.prefix.length ?? 0))
      found = place;
  return found;
}

function isBelow(prefix: string, repository: string): boolean {
  return prefix === "" || repository.startsWith(`${prefix}/`);
}
