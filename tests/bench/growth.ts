import { availableParallelism } from "node:os";
import { type Load, measureRate } from "./load.ts";
import { fillEverlock, tagsOf } from "./many-tags.ts";
import { cpuSeconds, EVERLOCK, memoryMiB, type Peer, startPeer } from "./peers.ts";
import { RawConnection } from "./raw-connection.ts";
import { timed } from "./timed.ts";
import { WORKLOADS } from "./workloads.ts";

const TAG_COUNTS = [10, 1000, 100_000];
const REPOSITORY_COUNTS = [10, 1000, 10_000];
const CONNECTION_COUNTS = [1, 4, 16, 64, 256];
const MAX_WORKERS = 16;
const PAGE = 100;
/** Pushes whose median time stands for one push. */
const PUSHES = 200;

export interface GrowthOptions extends Load {
  /** An empty directory. */
  readonly dir: string;
  readonly port: number;
}

type Row = readonly string[];

/** What Everlock's work costs as there is more of it, as Markdown tables. */
export async function measureGrowth(options: GrowthOptions): Promise<string> {
  const sizes: Row[] = [];
  for (const count of TAG_COUNTS)
    sizes.push(
      await measureSize(`${count.toLocaleString("en")} tags in a repository`, { bench: count }, options),
    );
  for (const count of REPOSITORY_COUNTS) {
    const names = Array.from({ length: count }, (_, i) => [`r${String(i).padStart(5, "0")}`, 10] as const);
    const label = `${count.toLocaleString("en")} repositories of 10 tags`;
    sizes.push(await measureSize(label, { ...Object.fromEntries(names), bench: 10 }, options));
  }
  const loads: Row[] = [];
  for (const connections of CONNECTION_COUNTS)
    loads.push(await measureLoad(String(connections), { ...options, connections }, []));
  const workers: Row[] = [];
  for (let count = 1; count <= Math.min(MAX_WORKERS, 2 * availableParallelism()); count *= 2)
    workers.push(await measureLoad(String(count), options, ["--http-workers", String(count)]));
  const perSecond = ["manifest GET/s", "blob GET/s", "manifest PUT/s", "small images/s", "peak memory (MiB)"];
  return [
    table(
      [
        "stored",
        "start (ms)",
        "manifest GET/s",
        `tags page of ${PAGE}/s`,
        `catalog page of ${PAGE}/s`,
        "one push (ms)",
      ],
      sizes,
    ),
    table(["connections", ...perSecond], loads),
    table([`threads for HTTP (of ${availableParallelism()} cores)`, ...perSecond], workers),
  ].join("\n\n");
}

function table(header: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

const number = (value: number) => value.toLocaleString("en", { maximumSignificantDigits: 3 });

async function measureSize(
  label: string,
  repositories: Readonly<Record<string, number>>,
  { dir, port, ...load }: GrowthOptions,
): Promise<Row> {
  const home = `${dir}/${crypto.randomUUID()}`;
  await fillEverlock(`${home}/data`, repositories);
  const peer = await startPeer(EVERLOCK, home, port);
  try {
    const middle = (names: readonly string[]) => names[names.length >> 1] ?? "";
    const tag = middle(tagsOf(repositories["bench"] ?? 0));
    const repository = middle(Object.keys(repositories).sort());
    const row = [
      label,
      number(peer.startMs),
      number(await rateOf(peer, `/v2/bench/manifests/${tag}`, load)),
      number(await rateOf(peer, `/v2/bench/tags/list?n=${PAGE}&last=${tag}`, load)),
      number(await rateOf(peer, `/v2/_catalog?n=${PAGE}&last=${repository}`, load)),
      number(await pushTime(peer)),
    ];
    console.error(`  ${row.join("  ")}`);
    return row;
  } finally {
    await peer.stop();
  }
}

async function rateOf({ headers, port }: Peer, path: string, load: Load): Promise<number> {
  return (await measureRate({ method: "GET", path, headers }, port, load)).rate;
}

/** The median of one push after the other (ms). */
async function pushTime(peer: Peer): Promise<number> {
  const step = await WORKLOADS.find(({ name }) => name === "manifest PUT")?.prepare(peer);
  if (typeof step !== "function") throw new Error("a push is not the same request each time");
  const connection = await RawConnection.open(peer.port);
  const times: number[] = [];
  for (let i = 0; i < PUSHES; i++) times.push((await timed(() => step(connection))) * 1000);
  connection.close();
  return times.toSorted((a, b) => a - b)[PUSHES >> 1] ?? Number.NaN;
}

const LOADS = ["manifest GET by tag", "4-KiB blob GET", "manifest PUT", "small-image push"];

async function measureLoad(label: string, options: GrowthOptions, flags: readonly string[]): Promise<Row> {
  const home = `${options.dir}/${crypto.randomUUID()}`;
  await fillEverlock(`${home}/data`, { few: 10 });
  const peer = await startPeer(EVERLOCK, home, options.port, flags);
  try {
    const row = [label];
    for (const name of LOADS) {
      const workload = WORKLOADS.find((candidate) => candidate.name === name);
      if (!workload) continue;
      const { rate } = await measureRate(await workload.prepare(peer), peer.port, options);
      row.push(number(rate));
    }
    row.push(number(memoryMiB(peer.pid, "VmHWM")));
    console.error(`  ${row.join("  ")} (${cpuSeconds(peer.pid).toFixed(1)} s of CPU)`);
    return row;
  } finally {
    await peer.stop();
  }
}
