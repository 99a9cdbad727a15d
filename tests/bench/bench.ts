/** `bun run bench`: measures the compiled Everlock beside every peer found on the PATH and reports medians and ratios. */
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { cleanUp } from "../support/cleanup.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { measureBrowsing } from "./browsing.ts";
import { measurableControls, runUnder } from "./congestion.ts";
import { buildEarlier } from "./earlier.ts";
import { measureGc } from "./gc.ts";
import { measureGrowth } from "./growth.ts";
import { compareLarge } from "./large.ts";
import { GENERATOR, type Measured, measureRate, type RepeatedRequest } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { fillDistribution, fillEverlock, fillZot, tagsOf } from "./many-tags.ts";
import {
  BARE,
  cpuSeconds,
  EVERLOCK,
  memoryMiB,
  PEERS,
  type Peer,
  type PeerKind,
  startPeer,
  ZOT,
} from "./peers.ts";
import { RawConnection } from "./raw-connection.ts";
import { chart, markdownTable } from "./report.ts";
import { measureS3 } from "./s3/s3.ts";
import { Samples } from "./samples.ts";
import { timed } from "./timed.ts";
import { WORKLOADS } from "./workloads.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "16" },
    tags: { type: "string", default: "100000" },
    /** The first of some that must be free. */
    port: { type: "string", default: "18080" },
    out: { type: "string", default: "tests/bench/results" },
    /** Only the costs as the work grows, of Everlock alone. */
    growth: { type: "boolean", default: false },
    /** Only the collection of garbage. */
    gc: { type: "boolean", default: false },
    /** Only pulls while people browse the pages. */
    browsing: { type: "boolean", default: false },
    /** Only nodes over an object store. */
    s3: { type: "boolean", default: false },
    /** Only large blobs and images, under each congestion control of TCP that may be set. */
    large: { type: "boolean", default: false },
    /** The congestion control that this run is under: only what depends on it is measured. */
    congestion: { type: "string" },
    /** A commit to compare with in place of other registries; the exit code is 1 where it was faster by more than 5 %. */
    against: { type: "string" },
    /** An earlier executable of Everlock, measured beside the present one over an object store. */
    before: { type: "string" },
  },
});
const rounds = Number(options.rounds);
const load = { connections: Number(options.connections), seconds: Number(options.seconds) };
const tagCount = Number(options.tags);
const FEW_TAGS = 10;
const FIRST_PORT = Number(options.port);

const dir = `${tmpdir()}/everlock-bench-${process.pid}`;
const samples = new Samples();

function tagsPage(repository: string, count: number, { headers }: Peer): RepeatedRequest {
  const last = tagsOf(count)[count >> 1];
  return { method: "GET", path: `/v2/${repository}/tags/list?n=100&last=${last}`, headers };
}

async function measureRates(peers: readonly Peer[]): Promise<void> {
  for (const { name, unit, prepare } of WORKLOADS) {
    for (const peer of peers) {
      const work = await prepare(peer);
      const before = cpuSeconds(peer.pid);
      const { rate, count } = await measureRate(work, peer.port, load);
      samples.record(name, unit, peer.name, rate);
      const used = cpuSeconds(peer.pid) - before;
      samples.record(`CPU of ${name}`, "µs each", peer.name, (used / count) * 1e6, true);
    }
  }
  for (const [repository, count] of [
    ["few", FEW_TAGS],
    ["many", tagCount],
  ] as const) {
    for (const peer of peers) {
      const name = `tags page of 100 among ${count.toLocaleString("en")}`;
      const { rate } = await measureRate(tagsPage(repository, count, peer), peer.port, load);
      samples.record(name, "requests/s", peer.name, rate);
    }
  }
}

/** What Bun allows for the same requests. */
async function measureBare(bare: Peer): Promise<void> {
  const request = { method: "GET", path: "/v2/bench/manifests/v1", headers: bare.headers } as const;
  const { rate } = await measureRate(request, bare.port, load);
  samples.record("manifest GET by tag", "requests/s", bare.name, rate);
}

/** A real client with a real image: 20 layers of 512 KiB, each time another one. */
async function measureSkopeo(peers: readonly Peer[]): Promise<void> {
  if (!Bun.which("skopeo")) return console.error("skopeo is not on the PATH: no image is copied with it");
  const { dir: layout } = makeLayout({ layers: 20, layerBytes: 512 * 1024 });
  for (const peer of peers) {
    const credentials = peer.credentials ? ["--dest-creds", peer.credentials] : [];
    const to = `docker://localhost:${peer.port}/skopeo:v${Date.now()}`;
    const push = [
      "skopeo",
      "copy",
      "-q",
      "--dest-tls-verify=false",
      ...credentials,
      `oci:${layout}:image`,
      to,
    ];
    const seconds = await timed(() => Bun.$`${push}`.quiet());
    samples.record("skopeo copy of a 20-layer image", "s", peer.name, seconds, true);
  }
}

/** The same generator against a server that does nothing: how far it is from being what is measured. */
async function generatorLimit(): Promise<Measured> {
  const port = FIRST_PORT - 1;
  const script = `Bun.serve({ hostname: "127.0.0.1", port: ${port}, fetch: () => new Response("x".repeat(500)) })`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "ignore" });
  for (;;) {
    const connection = await RawConnection.open(port).catch(() => undefined);
    if (!connection) await Bun.sleep(20);
    else {
      connection.close();
      break;
    }
  }
  const limit = await measureRate({ method: "GET", path: "/", headers: "Host: localhost\r\n" }, port, load);
  child.kill();
  await child.exited;
  return limit;
}

/** Everlock first, then what it is compared with. */
async function comparedKinds(): Promise<readonly PeerKind[]> {
  if (options.against !== undefined) return [EVERLOCK, await buildEarlier(options.against, dir)];
  for (const { name, program, install } of PEERS) {
    if (program && !Bun.which(program))
      console.error(`${name} is left out: '${program}' is not on the PATH; ${install} puts it there`);
  }
  return PEERS.filter(({ program }) => program === undefined || Bun.which(program));
}

/** Says what is slower than the commit that it is compared with. */
function guard(kinds: readonly PeerKind[], measured: Samples): void {
  const [ours, theirs] = kinds;
  if (options.against === undefined || !ours || !theirs) return;
  const worse = measured.regressions(ours.name, theirs.name);
  for (const line of worse) console.error(`slower by more than 5 %: ${line}`);
  if (worse.length > 0) process.exitCode = 1;
}

/** Tags for each kind of registry, as many pushes would have left them. */
async function fill(kind: PeerKind, dataDir: string): Promise<void> {
  const repositories = { few: FEW_TAGS, many: tagCount };
  if (kind === ZOT) fillZot(dataDir, repositories);
  else if (kind.command === EVERLOCK.command || options.against !== undefined)
    await fillEverlock(dataDir, repositories);
  else fillDistribution(dataDir, repositories);
}

/** Everlock beside its peers; answers the table and the chart. */
async function compare(): Promise<{ readonly table: string; readonly svg: string }> {
  const kinds = await comparedKinds();
  const { rate: limit } = await generatorLimit();
  console.error(`${GENERATOR} reaches ${Math.round(limit)} requests/s against a server that does nothing`);
  const peers: Peer[] = [];
  const bare = await startPeer(BARE, `${dir}/bare`, FIRST_PORT + kinds.length);
  try {
    for (const [i, kind] of kinds.entries()) {
      const home = `${dir}/${i}`;
      await fill(kind, `${home}/data`);
      const peer = await startPeer(kind, home, FIRST_PORT + i);
      peers.push(peer);
      samples.record("start, exec to first answer", "ms", peer.name, peer.startMs, true);
      samples.record("memory at rest", "MiB", peer.name, memoryMiB(peer.pid, "VmRSS"), true);
    }
    for (let round = 1; round <= rounds; round++) {
      console.error(`round ${round} of ${rounds}`);
      const inTurn = round % 2 === 1 ? peers : peers.toReversed();
      await measureRates(inTurn);
      await measureBare(bare);
      await measureSkopeo(inTurn);
    }
    for (const peer of peers)
      samples.record("memory at peak", "MiB", peer.name, memoryMiB(peer.pid, "VmHWM"), true);
  } finally {
    const running = [...peers, bare];
    await Promise.all(running.map((peer) => peer.stop()));
    for (const peer of running) rmSync(peer.dir, { recursive: true });
  }
  guard(kinds, samples);
  const names = [...kinds, BARE].map(({ name }) => name);
  const note = `Medians of ${rounds} rounds, ${load.connections} connections; requests to Everlock with Basic credentials where nothing else is
said, to the others anonymous. A ratio above 1 is in Everlock's favour. A bare Bun.serve, on as many threads, answers
every GET with the same bytes, and hashes, writes and syncs every body: the bound of what is built on Bun. What is the same
request each time comes from ${GENERATOR}, which reaches ${Math.round(limit).toLocaleString("en")} requests/s against a server that does nothing.
The machine: ${describeMachine()}.`;
  return {
    table: `${markdownTable(samples.figures(), names)}\n\n${note}\n`,
    svg: chart(samples.figures(), names),
  };
}

/** Large blobs and images under one congestion control: a table. */
async function large(control: string): Promise<string> {
  const kinds = await comparedKinds();
  const compared = options.against === undefined ? [...kinds, BARE] : kinds;
  const table = await compareLarge(samples, compared, { dir, firstPort: FIRST_PORT, rounds });
  guard(kinds, samples);
  return `TCP congestion control ${control}:\n\n${table}\n`;
}

/** The same under each of them that may be set, one after the other. */
async function largeUnderEach(): Promise<string> {
  const tables: string[] = [];
  for (const control of await measurableControls()) {
    const { output, exitCode } = await runUnder(control, process.argv.slice(2));
    tables.push(output.trim());
    if (exitCode !== 0) process.exitCode = exitCode;
  }
  return `${tables.join("\n\n")}\n\nThe machine: ${describeMachine()}.`;
}

/** Whether a part is to be measured: all of them, if none was asked for. */
function isMeasured(part?: "large" | "growth" | "gc" | "browsing" | "s3"): boolean {
  const isAsked = options.large || options.growth || options.gc || options.browsing || options.s3;
  return !isAsked || (part !== undefined && options[part]);
}

async function report(name: string, text: string): Promise<void> {
  await Bun.write(`${options.out}/${name}.md`, `${text}\n`);
  console.log(text);
}

async function measure(): Promise<void> {
  if (isMeasured()) {
    const { table, svg } = await compare();
    await Bun.write(`${options.out}/benchmark.md`, table);
    await Bun.write(`${options.out}/benchmark.svg`, svg);
    console.log(table);
  }
  if (isMeasured("large")) await report("large", await largeUnderEach());
  // Against a commit, only the figures that its guard looks at.
  const isOnly = options.against !== undefined;
  if (!isOnly && isMeasured("growth"))
    await report("growth", await measureGrowth({ dir, port: FIRST_PORT, ...load }));
  if (!isOnly && isMeasured("gc")) await report("gc", await measureGc(dir, FIRST_PORT));
  if (!isOnly && isMeasured("browsing")) {
    const place = { dir, port: FIRST_PORT, rounds, tags: tagCount, ...load };
    await report("browsing", await measureBrowsing(place));
  }
  if (!isOnly && isMeasured("s3"))
    await report(
      "s3",
      await measureS3({
        ...{ dir: `${dir}/s3`, port: FIRST_PORT, load, rounds },
        ...{ tags: tagCount, before: options.before },
      }),
    );
}

mkdirSync(dir);
mkdirSync(options.out, { recursive: true });
try {
  if (options.congestion === undefined) await measure();
  else console.log(await large(options.congestion));
} finally {
  rmSync(dir, { recursive: true, force: true });
  await cleanUp();
}
