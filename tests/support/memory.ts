import { readFileSync } from "node:fs";
import type { Everlock } from "./everlock-process.ts";

function statusMiB(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kib] = status.match(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m")) ?? [];
  return Number(kib) / 1024;
}

/** The resident memory of a server, of all its nodes together, in MiB. */
export function residentMiB({ nodes }: Everlock): number {
  return nodes.reduce((sum, { pid }) => sum + statusMiB(pid, "VmRSS"), 0);
}

/** The peak of the resident memory of a server, of the largest of its nodes, in MiB. */
export function peakMiB({ nodes }: Everlock): number {
  return Math.max(...nodes.map(({ pid }) => statusMiB(pid, "VmHWM")));
}
