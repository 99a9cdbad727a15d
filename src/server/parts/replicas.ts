import { HttpPrimary } from "../../backends/oci-http/replica/http-primary.ts";
import { Replicas } from "../../backends/oci-http/replica/replicas.ts";
import { upstreamOptions } from "../../backends/oci-http/upstreams/open-upstream.ts";
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
    const operator = config.upstreamCredentials;
    return new Replicas({
      instances,
      sharing,
      log,
      primaryOf: (followed) =>
        new HttpPrimary({
          ...upstreamOptions({ stored, operator }, { ...followed, prefix: "", mayUseOperators: true }),
          registry: followed.upstreamStore,
        }),
    });
  },
  stop: (replicas) => replicas.close(),
});
