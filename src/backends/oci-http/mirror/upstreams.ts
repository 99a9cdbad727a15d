import type { RegistryClient } from "../../../registry/client/registry-client.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { placesOf, type UpstreamPlace } from "../settings/upstream-places.ts";
import type { UpstreamRoute } from "./mirrored-registry.ts";
import { UpstreamHealth } from "./upstream-health.ts";

/** The settings of a registry that concern its upstream, or what the proxy of a prefix has in place of them. */
export type UpstreamSettings = Pick<
  InstanceConfig,
  "name" | "upstreamCa" | "upstreamPrivate" | "upstreamRealm"
> & {
  /** Of a proxy; empty for the registry's own upstream. */
  readonly prefix: string;
  readonly upstream: string;
  /** Whether this upstream may get what the operator of the server gives for its host. */
  readonly mayUseOperators: boolean;
};

/** Opens the client for the upstream of a registry. */
export type OpenUpstream = (settings: UpstreamSettings) => RegistryClient;

interface Opened {
  readonly settings: UpstreamSettings;
  readonly upstream: RegistryClient;
  readonly health: UpstreamHealth;
}

/** The clients of all upstreams; each is opened when it is first needed, and again when its settings change. */
export class Upstreams {
  readonly #open: OpenUpstream;
  readonly #reopened: () => void;
  /** By registry and prefix. */
  readonly #opened = new Map<InstanceName, Map<string, Opened>>();

  /** `reopened` is called when an upstream has other settings than before, such as another host. */
  constructor(open: OpenUpstream, reopened: () => void = () => undefined) {
    this.#open = open;
    this.#reopened = reopened;
  }

  routesOf(config: InstanceConfig): readonly UpstreamRoute[] {
    const known = this.#opened.get(config.name) ?? new Map<string, Opened>();
    this.#opened.set(config.name, known);
    const places = placesOf(config);
    for (const [prefix, opened] of known) {
      if (places.some((place) => place.prefix === prefix)) continue;
      opened.upstream.close();
      known.delete(prefix);
    }
    return places.map((place) => {
      const { upstream, health } = this.#openedAt(known, place, settingsAt(config, place));
      return { ...place, upstream, health };
    });
  }

  /** Lets go of the clients of registries that are no longer there. */
  keep(names: ReadonlySet<InstanceName>): void {
    for (const [name, opened] of this.#opened) {
      if (names.has(name)) continue;
      for (const { upstream } of opened.values()) upstream.close();
      this.#opened.delete(name);
    }
  }

  #openedAt(known: Map<string, Opened>, { prefix }: UpstreamPlace, settings: UpstreamSettings): Opened {
    const before = known.get(prefix);
    if (before && Bun.deepEquals(before.settings, settings)) return before;
    if (before) {
      before.upstream.close();
      this.#reopened();
    }
    const opened = { settings, upstream: this.#open(settings), health: new UpstreamHealth() };
    known.set(prefix, opened);
    return opened;
  }
}

/**
 * The proxy of a prefix gets only credentials that were meant for it: whoever may read the registry may read what comes from
 * there, so that what is private upstream must not come by itself.
 */
function settingsAt(config: InstanceConfig, { prefix, upstream }: UpstreamPlace): UpstreamSettings {
  const { name, upstreamCa, upstreamPrivate, upstreamRealm } = config;
  const proxy = config.proxies.find((route) => route.prefix === prefix);
  if (proxy)
    return {
      ...{ name, prefix, upstream },
      upstreamPrivate: proxy.private ?? "refuse",
      mayUseOperators: proxy.credentials === "allow",
      ...(proxy.ca !== undefined && { upstreamCa: proxy.ca }),
      ...(proxy.realm !== undefined && { upstreamRealm: proxy.realm }),
    };
  return {
    ...{ name, prefix, upstream },
    upstreamPrivate,
    mayUseOperators: true,
    ...(upstreamCa !== undefined && { upstreamCa }),
    ...(upstreamRealm !== undefined && { upstreamRealm }),
  };
}
