import { readFile } from "node:fs/promises";
import { HttpPrimary } from "../../backends/oci-http/replica/http-primary.ts";
import { PrimaryError } from "../../backends/oci-http/replica/primary-error.ts";
import { Replicas } from "../../backends/oci-http/replica/replicas.ts";
import { credentialSource } from "../../backends/oci-http/upstreams/credential-source.ts";
import { parseUpstreamUrl } from "../../registry/client/upstream-url.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { serverPart } from "./context.ts";
import { STORES } from "./data.ts";
import { INSTANCES } from "./registries.ts";

/** Follows the primaries of replicas. */
export const REPLICAS = serverPart({
  name: "the replicas",
  needs: { administrator: ADMINISTRATOR, opened: STORES, instances: INSTANCES },
  async start({ opened: { stores }, instances }, { config, log }) {
    const { location } = stores;
    const sharing =
      location.kind === "local" ? undefined : { leases: await stores.openLeases(), node: location.node };
    const { credentials: stored } = instances;
    return new Replicas({
      instances,
      sharing,
      log,
      primaryOf: async ({ name: registry, upstream, upstreamStore, upstreamCa, upstreamRealm: realm }) => {
        const url = parseUpstreamUrl(upstream);
        if (!("origin" in url)) throw new PrimaryError(`upstream=${upstream}: ${url.reason}`);
        const places = stored && { stored, operator: config.upstreamCredentials };
        return new HttpPrimary({
          url: url.base,
          registry: upstreamStore,
          credentials: places
            ? credentialSource(places, { registry, upstream: url, realm })
            : async () => undefined,
          ...(upstreamCa && { ca: await caIn(upstreamCa) }),
        });
      },
    });
  },
  stop: (replicas) => replicas.close(),
});

async function caIn(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new PrimaryError(`the file of upstream-ca=${path} can't be read`);
  }
}
