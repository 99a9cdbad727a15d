import { isRecord } from "../../../../text/records.ts";
import type { NodeState } from "../../nodes.ts";

/** What the object of a node holds. */
export interface NodeReport {
  readonly behindSeconds: number;
  readonly state: NodeState;
}

const FORMAT = 1;

export function encodeReport({ behindSeconds, state }: NodeReport): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(JSON.stringify({ format: FORMAT, behindSeconds, ...state })));
}

/** `undefined` for what is no report, such as that of a version that writes others. */
export function decodeReport(bytes: Uint8Array): NodeReport | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value["format"] !== FORMAT) return undefined;
  const { host, version } = value;
  if (typeof host !== "string" || typeof version !== "string") return undefined;
  const number = (name: string) => (typeof value[name] === "number" ? value[name] : Number.NaN);
  const report = {
    behindSeconds: number("behindSeconds"),
    state: {
      host,
      version,
      started: number("started"),
      cpu: number("cpu"),
      memoryBytes: number("memoryBytes"),
      requestsPerSecond: number("requestsPerSecond"),
      requestsUnderWay: number("requestsUnderWay"),
    },
  };
  const numbers = [report.behindSeconds, ...Object.values(report.state)].filter(
    (item) => typeof item === "number",
  );
  return numbers.every(Number.isFinite) ? report : undefined;
}
