import { formatSize } from "../../../primitives/text/byte-size.ts";
import { type ListedNode, listNodes } from "../../administration/nodes.ts";
import type { Command } from "./command.ts";
import { type Columns, listing } from "./table.ts";
import { formatUptime } from "./uptime.ts";

export const NODE_COMMANDS: readonly Command[] = [
  {
    scope: "nodes",
    parameters: [],
    summary: "list the nodes, which are the server processes over the storage: version, lag, load",
    details: [
      "Each node reports every 10 seconds. One that was killed is shown as gone for a quarter of an hour.",
      "'behind' is the time for which it had not seen what the other nodes commit when it last reported.",
    ],
    example: "/nodes",
    adminOnly: true,
    async run(_args, context) {
      return listing(await listNodes(context, context.actor), COLUMNS, context);
    },
  },
];

const COLUMNS: Columns<ListedNode> = {
  node: ({ node, isThis }) => (isThis ? `${node} (this)` : node),
  host: { cell: ({ host }) => host, leaveOut: 3 },
  state: ({ state, seenSecondsAgo }) =>
    state === "alive" ? "alive" : `gone, seen ${formatUptime(seenSecondsAgo)} ago`,
  version: ({ version }) => version,
  up: {
    cell: ({ started, seenSecondsAgo }) =>
      formatUptime(Math.max(0, Math.floor((Date.now() - started.getTime()) / 1000) - seenSecondsAgo)),
    leaveOut: 2,
  },
  behind: ({ behindSeconds }) => (behindSeconds === null ? "-" : formatUptime(behindSeconds)),
  CPU: { cell: ({ cpu }) => `${(cpu * 100).toFixed(0)} %`, leaveOut: 1 },
  memory: { cell: ({ memoryBytes }) => formatSize(memoryBytes), leaveOut: 1 },
  "requests/s": ({ requestsPerSecond }) => requestsPerSecond.toFixed(requestsPerSecond < 10 ? 1 : 0),
  "under way": { cell: ({ requestsUnderWay }) => String(requestsUnderWay), leaveOut: 1 },
};
