import type { Nodes, SeenNode } from "../../primitives/store/engine/nodes.ts";
import { type Actor, requireAdministrator } from "../actor.ts";

export interface NodeServices {
  readonly server: { readonly nodes: Pick<Nodes, "list"> };
}

/** A server process that uses the storage. */
export interface ListedNode {
  readonly node: string;
  /** The name of its machine. */
  readonly host: string;
  /** Whether this is the process that lists them. */
  readonly isThis: boolean;
  /** `gone`: it has not reported for too long. */
  readonly state: "alive" | "gone";
  readonly version: string;
  readonly started: Date;
  /** Seconds since it last reported what follows. */
  readonly seenSecondsAgo: number;
  /** See `SeenNode`; null on a storage that has one node. */
  readonly behindSeconds: number | null;
  /** Cores that it uses. */
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly requestsPerSecond: number;
  readonly requestsUnderWay: number;
}

/** Lists the processes that serve the storage, those that live first, by machine; for administrators. */
export async function listNodes({ server }: NodeServices, actor: Actor): Promise<readonly ListedNode[]> {
  requireAdministrator(actor);
  const nodes = (await server.nodes.list()).map(listed);
  const keyOf = ({ state, host, node }: ListedNode) => `${state}\0${host}\0${node}`;
  return nodes.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function listed({ name, isSelf, isGone, seenSecondsAgo, behindSeconds, state }: SeenNode): ListedNode {
  const { host, version, started, ...load } = state;
  return {
    node: name,
    host,
    isThis: isSelf,
    state: isGone ? "gone" : "alive",
    version,
    started: new Date(started * 1000),
    seenSecondsAgo,
    behindSeconds: behindSeconds ?? null,
    ...load,
  };
}
