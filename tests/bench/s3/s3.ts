import { mkdirSync, rmSync } from "node:fs";
import { startVersitygw } from "../../support/versitygw.ts";
import { LARGE_BYTES, makeLargeFile, PULLED_BY, pullLarge, pushLarge } from "../large-transfers.ts";
import { GENERATOR, type Load, measureRate } from "../load.ts";
import { cpuSeconds, type Peer, type PeerKind, startPeer } from "../peers.ts";
import { markdownTable } from "../report.ts";
import { Samples } from "../samples.ts";
import { timed } from "../timed.ts";
import { smallImagePush, WORKLOADS, type Workload } from "../workloads.ts";
import { fillBucket } from "./fill-bucket.ts";
import { measureNodes } from "./nodes.ts";
import { countRequests } from "./requests.ts";
import { distributionOver, earlierOver, everlockOver } from "./s3-peers.ts";
import type { S3Place } from "./s3-place.ts";

export interface S3BenchOptions {
  /** Is removed at the end. */
  readonly dir: string;
  readonly port: number;
  readonly load: Load;
  readonly rounds: number;
  readonly tags: number;
  readonly before: string | undefined;
}

const PEER = "registry";
const NAMES = [
  "manifest GET by digest",
  "manifest GET by tag",
  "4-KiB blob GET",
  "manifest PUT",
  "small-image push",
];
const MEASURED: readonly Workload[] = [
  ...WORKLOADS.filter(({ name }) => NAMES.includes(name)),
  {
    name: "small-image push, with PATCH",
    unit: "images/s",
    prepare: async (peer) => smallImagePush(peer, true),
  },
];
const MIB = 1024 * 1024;
const PULLS = 4;
const PULLS_UNTIL_CACHED = 2;
const REST_MS = 1000;

/** Everlock over a bucket, beside distribution's S3 driver over the same one. */
export async function measureS3(options: S3BenchOptions): Promise<string> {
  const { dir, load, rounds, tags } = options;
  for (const program of ["versitygw", PEER])
    if (!Bun.which(program)) return `The part s3 is left out: '${program}' is not on the PATH.`;
  mkdirSync(`${dir}/bucket`, { recursive: true });
  const store = await startVersitygw(`${dir}/bucket`);
  try {
    const location = { ...store.location, prefix: "registry" };
    const place: S3Place = { ...options, location };
    await fillBucket(location, `${dir}/fill`, { few: 10, many: tags });
    const comparison = await compare(place);
    const growth = await measureNodes(place);
    const requests = await countRequests({ ...place, port: options.port + 10 });
    const note = `Medians of ${rounds} rounds, ${load.connections} connections, on one machine with versitygw and the clients.
Bytes go through both registries. What is the same request each time comes from ${GENERATOR}; large blobs are pulled by ${PULLED_BY}.`;
    return `${comparison}\n\n${note}\n\n${growth}\n\n${requests}`;
  } finally {
    await store.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function compare({ dir, port, location, load, rounds, tags, before }: S3Place): Promise<string> {
  const samples = new Samples();
  const kinds = [everlockOver(location), distributionOver(location, PEER)];
  if (before !== undefined) {
    const own = { ...location, prefix: "before" };
    await fillBucket(own, `${dir}/fill-before`, { few: 10, many: tags });
    kinds.push(earlierOver(own, before));
  }
  const peers: Peer[] = [];
  try {
    for (const [i, kind] of kinds.entries()) {
      const start = `start with ${tags.toLocaleString("en")} tags`;
      for (const name of [`${start}, empty disk`, `${start}, again`]) {
        await peers[i]?.stop();
        peers[i] = await startPeer(kind, `${dir}/peer-${i}`, port + i);
        samples.record(name, "ms", kind.name, peers[i].startMs, true);
      }
    }
    for (let round = 1; round <= rounds; round++) {
      console.error(`s3: round ${round} of ${rounds}`);
      // Who is measured first finds the machine busy with what came before.
      const inTurn = round % 2 === 1 ? peers : peers.toReversed();
      for (const { name, unit, prepare } of MEASURED) {
        for (const peer of inTurn) {
          const work = await prepare(peer);
          const usedBefore = cpuSeconds(peer.pid);
          const { rate, count } = await measureRate(work, peer.port, load);
          samples.record(name, unit, peer.name, rate);
          const used = cpuSeconds(peer.pid) - usedBefore;
          samples.record(`CPU of ${name}`, "µs each", peer.name, (used / count) * 1e6, true);
        }
      }
      const digest = await measureLarge(samples, inTurn, dir);
      await measureCached(samples, everlockOver(location), digest, { dir, port: port + kinds.length });
    }
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
  return markdownTable(
    samples.figures(),
    kinds.map(({ name }) => name),
  );
}

/** Resolves with the digest of what was pushed. */
async function measureLarge(samples: Samples, peers: readonly Peer[], dir: string): Promise<string> {
  const path = `${dir}/large`;
  const digest = await makeLargeFile(path);
  for (const peer of peers) {
    await Bun.$`sync`;
    const before = cpuSeconds(peer.pid);
    const pushed = await timed(() => pushLarge(peer, path, digest));
    samples.record("512-MiB push", "MiB/s", peer.name, LARGE_BYTES / MIB / pushed);
    samples.record("CPU of 512-MiB push", "s each", peer.name, cpuSeconds(peer.pid) - before, true);
    await Bun.sleep(REST_MS);
    const beforePulls = cpuSeconds(peer.pid);
    const pulled = await timed(async () => {
      for (let i = 0; i < PULLS; i++) await pullLarge(peer, digest);
    });
    samples.record("512-MiB pull", "MiB/s", peer.name, (PULLS * LARGE_BYTES) / MIB / pulled);
    const used = (cpuSeconds(peer.pid) - beforePulls) / PULLS;
    samples.record("CPU of 512-MiB pull", "s each", peer.name, used, true);
  }
  return digest;
}

/** A node that has the blob in its cache. */
async function measureCached(
  samples: Samples,
  kind: PeerKind,
  digest: string,
  { dir, port }: Pick<S3Place, "dir" | "port">,
): Promise<void> {
  const flags = ["--cache-dir", `${dir}/cache`, "--cache-size", "4GiB"];
  const node = await startPeer(kind, `${dir}/cached`, port, flags);
  try {
    for (let i = 0; i < PULLS_UNTIL_CACHED; i++) await pullLarge(node, digest);
    await Bun.sleep(3 * REST_MS);
    const pulled = await timed(() => pullLarge(node, digest));
    samples.record("512-MiB pull, cached on the node", "MiB/s", node.name, LARGE_BYTES / MIB / pulled);
  } finally {
    await node.stop();
  }
}
