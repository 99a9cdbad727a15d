import { formatSize } from "../../../primitives/text/byte-size.ts";
import { formatDuration } from "../../../primitives/text/duration.ts";
import { type StoreStatus, statusesOf } from "../../oci-http/store/store-status.ts";
import type { Command, ConsoleServices } from "./command.ts";
import { table, timeOf } from "./table.ts";

export const STATUS_COMMANDS: readonly Command[] = [
  {
    scope: "status",
    parameters: [],
    summary: "show what the server does; on a terminal as it changes, until a key is pressed",
    example: "/status",
    adminOnly: true,
    async run(_args, context) {
      let before = snapshot(context);
      if (!context.live) return { lines: screen(before, before, context.width), records: [before] };
      await context.live((width) => {
        const now = snapshot(context);
        const lines = screen(now, before, width);
        before = now;
        return [...lines, "", "any key ends this"];
      });
      return [];
    },
  },
];

function snapshot({ server, instances, jobs }: ConsoleServices) {
  const { user, system } = process.cpuUsage();
  const { read, unreadable } = statusesOf(instances.stores());
  return {
    time: new Date().toISOString(),
    uptimeSeconds: Math.floor(Date.now() / 1000 - server.started),
    memoryBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    http: server.traffic.totals(),
    failedLogins: { ...server.failedLogins },
    registries: instances.list().length,
    outOfService: instances.outages().map(({ config, problem }) => ({ registry: config.name, problem })),
    stores: read,
    unreadable,
    jobs: jobs.list(),
  };
}

type Snapshot = ReturnType<typeof snapshot>;

/** `before` tells what changed since, per second. */
function screen(now: Snapshot, before: Snapshot, width: number | undefined): string[] {
  const seconds = (Date.parse(now.time) - Date.parse(before.time)) / 1000;
  const rate = (of: (some: Snapshot) => number) => (seconds > 0 ? (of(now) - of(before)) / seconds : 0);
  const { http, failedLogins } = now;
  const bytesPerSecond = (of: (some: Snapshot) => number) => `${formatSize(Math.round(rate(of)))}/s`;
  return [
    `up ${uptime(now.uptimeSeconds)}, ${formatSize(now.memoryBytes)} of memory, ${(rate(({ cpuSeconds }) => cpuSeconds) * 100).toFixed(0)} % of a core, ${now.registries} registries`,
    `HTTP: ${rate(({ http: { requests } }) => requests).toFixed(0)} requests/s, ${http.underWay} under way, ${bytesPerSecond(({ http: { received } }) => received)} in, ${bytesPerSecond(({ http: { sent } }) => sent)} out`,
    `since the start: ${http.requests} requests, ${http.clientErrors} refused (4xx), ${http.serverErrors} failed (5xx), ${formatSize(http.received)} in, ${formatSize(http.sent)} out`,
    `logins that failed: ${failedLogins.refused} wrong, ${failedLogins.limited} while locked`,
    ...now.outOfService.map(({ registry, problem }) => `${registry} is out of service: ${problem}`),
    ...now.unreadable.map(({ store, problem }) => `${store} can't be read: ${problem}`),
    "",
    ...now.stores.flatMap((store) => [
      `${store.store}: ${store.repositories} repositories, ${store.tags} tags, ${store.manifests} manifests, ${blobsOf(store)}`,
      `  ${store.commits} commits since the start, ${store.waiting} waiting, ${store.uploads} uploads open${store.isIndexBehind ? ", its index is behind" : ""}`,
    ]),
    "",
    ...table(
      ["job", "state", "next (UTC)", "outcome of the last run"],
      now.jobs.map(({ name, running, next, last }) => [
        name,
        running ? `running: ${running.progress}` : "idle",
        next ? timeOf(Math.floor(next.getTime() / 1000)) : "-",
        last?.outcome ?? "-",
      ]),
      { width },
    ),
  ];
}

function blobsOf({ blobs, blobBytes }: StoreStatus): string {
  return blobs === undefined || blobBytes === undefined
    ? "blobs: counting"
    : `${blobs} blobs of ${formatSize(blobBytes)}`;
}

const UNITS = [86_400, 3600, 60];

/** To the two largest units, such as `3d 4h`. */
function uptime(seconds: number): string {
  const unit = UNITS.find((size) => seconds >= size);
  if (unit === undefined) return `${seconds}s`;
  const next = UNITS[UNITS.indexOf(unit) + 1] ?? 1;
  const whole = formatDuration(Math.floor(seconds / unit) * unit);
  const rest = Math.floor((seconds % unit) / next) * next;
  return rest === 0 ? whole : `${whole} ${formatDuration(rest)}`;
}
