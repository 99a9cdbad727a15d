import type { RegistryClient } from "../../../registry/client/registry-client.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import type { UpstreamRoute } from "./mirrored-registry.ts";
import { UpstreamHealth } from "./upstream-health.ts";

/** The settings of a registry that concern its upstream. */
export type UpstreamSettings = Pick<
  InstanceConfig,
  "name" | "upstream" | "upstreamCa" | "upstreamPrivate" | "upstreamRealm"
>;

/** Opens the client for the upstream of a registry. */
export type OpenUpstream = (settings: UpstreamSettings & { readonly upstream: string }) => RegistryClient;

interface Opened {
  readonly settings: UpstreamSettings;
  readonly routes: readonly UpstreamRoute[];
}

/** The clients of all upstreams; each is opened when it is first needed, and again when the settings of its registry change. */
export class Upstreams {
  readonly #open: OpenUpstream;
  readonly #opened = new Map<InstanceName, Opened>();

  constructor(open: OpenUpstream) {
    this.#open = open;
  }

  routesOf(registry: UpstreamSettings): readonly UpstreamRoute[] {
    const { name, upstream, upstreamCa, upstreamPrivate, upstreamRealm } = registry;
    const settings = {
      name,
      upstreamPrivate,
      ...(upstream && { upstream }),
      ...(upstreamCa && { upstreamCa }),
      ...(upstreamRealm && { upstreamRealm }),
    };
    const known = this.#opened.get(name);
    if (known && Bun.deepEquals(known.settings, settings)) return known.routes;
    if (known) this.#close(known);
    const routes: UpstreamRoute[] = upstream
      ? [{ prefix: "", upstream: this.#open({ ...settings, upstream }), health: new UpstreamHealth() }]
      : [];
    this.#opened.set(name, { settings, routes });
    return routes;
  }

  /** Lets go of the clients of registries that are no longer there. */
  keep(names: ReadonlySet<InstanceName>): void {
    for (const [name, opened] of this.#opened) {
      if (names.has(name)) continue;
      this.#close(opened);
      this.#opened.delete(name);
    }
  }

  #close({ routes }: Opened): void {
    for (const { upstream } of routes) upstream.close();
  }
}
