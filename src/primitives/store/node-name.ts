import { hostname } from "node:os";

/** Tells the nodes apart: another one for each start, because a process that was killed may still have requests on their way. */
export function nodeName(): string {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 40);
  return `${host}-${crypto.randomUUID().slice(0, 8)}`;
}
