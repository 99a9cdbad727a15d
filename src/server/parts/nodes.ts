import { hostname } from "node:os";
import { NodeLoad } from "../../backends/administration/node-load.ts";
import { VERSION } from "../../primitives/version.ts";
import { ADMINISTRATOR } from "./administrator.ts";
import { serverPart } from "./context.ts";
import { STORES } from "./data.ts";
import { TRAFFIC } from "./http.ts";

const SAMPLE_EVERY_MS = 10_000;

/** Reports this process to the others that use the storage. */
export const NODES = serverPart({
  name: "the nodes",
  starting: "reporting this node to the others",
  needs: { administrator: ADMINISTRATOR, opened: STORES, traffic: TRAFFIC },
  async start({ opened: { stores }, traffic }, { started }) {
    const nodes = await stores.openNodes();
    const load = new NodeLoad(traffic);
    const sampling = setInterval(() => load.sample(), SAMPLE_EVERY_MS).unref();
    const about = { host: hostname(), version: VERSION.everlock, started };
    const leave = nodes.announce(() => ({ ...about, ...load.now() }));
    const stop = async () => {
      clearInterval(sampling);
      await leave();
    };
    return { nodes, stop };
  },
  stop: ({ stop }) => stop(),
});
