import { readFile } from "node:fs/promises";
import { HttpPrimary } from "../../backends/oci-http/replica/http-primary.ts";
import { replicaCredentials } from "../../backends/oci-http/replica/replica-credentials.ts";
import { Replicas } from "../../backends/oci-http/replica/replicas.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { serverPart } from "./context.ts";
import { DIRECTORY, STORES } from "./data.ts";
import { INSTANCES } from "./registries.ts";

/** Follows the primaries of replicas. */
export const REPLICAS = serverPart({
  name: "the replicas",
  needs: { administrator: ADMINISTRATOR, directory: DIRECTORY, opened: STORES, instances: INSTANCES },
  async start({ directory, opened: { stores }, instances }, { log }) {
    const { location } = stores;
    const sharing =
      location.kind === "local" ? undefined : { leases: await stores.openLeases(), node: location.node };
    return new Replicas({
      instances,
      sharing,
      log,
      primaryOf: async ({ name, upstream, upstreamStore, upstreamCa }) =>
        new HttpPrimary({
          url: upstream,
          ca: upstreamCa && (await readFile(upstreamCa, "utf8")),
          registry: upstreamStore,
          credentials: replicaCredentials(directory.path, name),
        }),
    });
  },
  stop: (replicas) => replicas.close(),
});
