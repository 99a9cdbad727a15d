import { counted } from "../../../primitives/text/counted.ts";
import type { ReplicaRecord } from "../../oci-http/operations/replicas.ts";

const SHORT = 12;

/** How a replica stands, in a line for the operator. */
export function describeReplica(record: ReplicaRecord): string {
  const { registry, primary, trouble, missingBlobs } = record;
  const missing =
    missingBlobs === 0
      ? ""
      : `; its images name ${counted(missingBlobs, "blob")} that the primary does not have at present`;
  const failing = trouble === undefined ? "" : `; it can't follow for now: ${trouble}`;
  return `${registry} is a replica of ${primary}: ${stateOf(record)}${missing}${failing}`;
}

function stateOf({ state, head, lagSeconds, heardSecondsAgo }: ReplicaRecord): string {
  const lag = seconds(lagSeconds);
  switch (state.kind) {
    case "starting":
      return "it has not answered yet";
    case "complete": {
      const at = head === undefined ? "both are empty" : `both are at ${head.slice(0, SHORT)}`;
      const heard = heardSecondsAgo === undefined ? "" : `, as of ${seconds(heardSecondsAgo)} ago`;
      return lagSeconds > 0 ? `complete when it last answered, ${lag} ago` : `complete, ${at}${heard}`;
    }
    case "behind":
      return `${counted(state.commits, "commit")} and ${lag} behind`;
    case "diverged":
      return `stopped ${lag} ago: ${state.reason}`;
    case "elsewhere":
      return `followed by ${state.by === undefined ? "another node" : `the node ${state.by}`}`;
  }
}

function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}
