import { formatSize } from "../../../primitives/text/byte-size.ts";
import { counted } from "../../../primitives/text/counted.ts";
import { readStatus, type ServerStatus, type StoreStatus } from "../../administration/status.ts";
import { describeMode } from "../../oci-http/settings/registry-mode.ts";
import type { Command } from "./command.ts";
import { describeReplica } from "./replica-words.ts";
import { formatTime, table } from "./table.ts";
import { formatUptime } from "./uptime.ts";

export const STATUS_COMMANDS: readonly Command[] = [
  {
    scope: "status",
    parameters: [],
    summary: "show the server's status; on a terminal it is refreshed until a key is pressed",
    example: "/status",
    adminOnly: true,
    async run(_args, context) {
      let before = await readStatus(context, context.actor);
      if (!context.live) return { lines: screen(before, before, context.width), records: [before] };
      await context.live(async (width) => {
        const now = await readStatus(context, context.actor);
        const lines = screen(now, before, width);
        before = now;
        return [...lines, "", "press any key to quit"];
      });
      return [];
    },
  },
];

/** Rates are per second since `before`. */
function screen(now: ServerStatus, before: ServerStatus, width: number | undefined): string[] {
  const seconds = (now.time.getTime() - before.time.getTime()) / 1000;
  const rate = (of: (some: ServerStatus) => number) => (seconds > 0 ? (of(now) - of(before)) / seconds : 0);
  const { http, failedLogins } = now;
  const bytesPerSecond = (of: (some: ServerStatus) => number) => `${formatSize(Math.round(rate(of)))}/s`;
  return [
    `up ${formatUptime(now.uptimeSeconds)}, ${formatSize(now.memoryBytes)} of memory, ${(rate(({ cpuSeconds }) => cpuSeconds) * 100).toFixed(0)} % of a core, ${counted(now.registries, "registry", "registries")}`,
    `HTTP: ${rate(({ http: { requests } }) => requests).toFixed(0)} requests/s, ${http.underWay} under way, ${bytesPerSecond(({ http: { received } }) => received)} in, ${bytesPerSecond(({ http: { sent } }) => sent)} out`,
    `since the start: ${counted(http.requests, "request")}, ${http.clientErrors} refused (4xx), ${http.serverErrors} failed (5xx), ${formatSize(http.received)} in, ${formatSize(http.sent)} out`,
    `logins that failed: ${failedLogins.refused} wrong, ${failedLogins.limited} while locked`,
    ...now.outOfService.map(({ registry, problem }) => `${registry} is out of service: ${problem}`),
    ...now.modes.map(({ registry, mode }) => `${registry} is ${describeMode(mode)}`),
    ...now.mirrors.map(describeMirror),
    ...now.replicas.map(describeReplica),
    ...now.unreadable.map(({ store, problem }) => `${store} can't be read: ${problem}`),
    "",
    ...now.stores.flatMap((store) => [
      `${store.store}: ${counted(store.repositories, "repository", "repositories")}, ${counted(store.tags, "tag")}, ${counted(store.manifests, "manifest")}, ${blobsOf(store)}`,
      `  ${counted(store.commits, "commit")} since the start, ${store.waiting} waiting, ${counted(store.uploads, "upload")} open${store.isIndexBehind ? ", its index is behind" : ""}`,
    ]),
    "",
    ...table(
      ["job", "state", { name: "next (UTC)", leaveOut: 1 }, "outcome of the last run"],
      now.jobs.map(({ name, running, next, last }) => [
        name,
        running ? `running: ${running.progress}` : "idle",
        next ? formatTime(next) : "-",
        last?.outcome ?? "-",
      ]),
      { width },
    ),
  ];
}

function describeMirror({ registry, upstream, counts }: ServerStatus["mirrors"][number]): string {
  const { hits, manifests, blobs, bytes, failures } = counts;
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  return `${registry} mirrors ${upstream}: ${hits} served without it, ${counted(manifests, "manifest")} and ${counted(blobs, "blob")} fetched (${formatSize(bytes)}), ${counted(failed, "failure")}`;
}

function blobsOf({ blobs, blobBytes }: StoreStatus): string {
  return blobs === undefined || blobBytes === undefined
    ? "blobs: counting"
    : `${counted(blobs, "blob")} of ${formatSize(blobBytes)}`;
}
