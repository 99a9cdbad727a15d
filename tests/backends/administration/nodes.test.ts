import { expect, test } from "bun:test";
import { NodeLoad } from "../../../src/backends/administration/node-load.ts";
import { listNodes } from "../../../src/backends/administration/nodes.ts";
import { AdministratorOnlyError } from "../../../src/backends/refusals.ts";
import type { SeenNode } from "../../../src/primitives/store/engine/nodes.ts";
import { ADMINISTRATOR, actorWith } from "../../support/actors.ts";

const LOAD = { cpu: 0.5, memoryBytes: 1 << 20, requestsPerSecond: 1, requestsUnderWay: 0 };

function seen(name: string, host: string, isGone = false): SeenNode {
  const about = { isSelf: name === "b", seenSecondsAgo: isGone ? 90 : 3, behindSeconds: 1 };
  return { name, isGone, ...about, state: { host, version: "1.2.3", started: 1000, ...LOAD } };
}

const NODES = { list: async () => [seen("c", "two", true), seen("b", "two"), seen("a", "one")] };

test("nodes are listed to administrators alone, those that live first, by machine", async () => {
  const services = { server: { nodes: NODES } };
  const owner = actorWith({ "http/oci/*": "owner" });
  await expect(listNodes(services, owner)).rejects.toBeInstanceOf(AdministratorOnlyError);
  const nodes = await listNodes(services, actorWith(ADMINISTRATOR));
  expect(nodes.map(({ node, state, isThis }) => [node, state, isThis])).toEqual([
    ["a", "alive", false],
    ["b", "alive", true],
    ["c", "gone", false],
  ]);
  expect(nodes[2]).toEqual({
    node: "c",
    host: "two",
    isThis: false,
    state: "gone",
    version: "1.2.3",
    started: new Date(1_000_000),
    seenSecondsAgo: 90,
    behindSeconds: 1,
    ...LOAD,
  });
});

test("the load of a node is an average since the sample before the last one", () => {
  let requests = 1000;
  const rest = { clientErrors: 0, serverErrors: 0, received: 0, sent: 0 };
  const load = new NodeLoad({ totals: () => ({ requests, underWay: 7, ...rest }) });
  requests = 2000;
  expect(load.now().requestsPerSecond).toBeGreaterThan(0);
  load.sample();
  load.sample();
  const { requestsPerSecond, requestsUnderWay, memoryBytes, cpu } = load.now();
  expect([requestsPerSecond, requestsUnderWay, memoryBytes > 0, cpu >= 0]).toEqual([0, 7, true, true]);
});
