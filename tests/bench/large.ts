import { rmSync } from "node:fs";
import { IMAGES, measureImagePulls, measureImagePushes, recordPushTimes } from "./large-images.ts";
import {
  LARGE_BYTES,
  LARGE_IMAGE_BYTES,
  type LargeFile,
  makeLargeFiles,
  PULLED_BY,
  pullLarge,
  pushAll,
  pushLarge,
} from "./large-transfers.ts";
import { warmMemory } from "./machine.ts";
import { BARE, cpuSeconds, memoryMiB, type Peer, type PeerKind, startPeer } from "./peers.ts";
import { markdownTable } from "./report.ts";
import type { Samples } from "./samples.ts";
import { timed } from "./timed.ts";
import { measureUploadLatency } from "./upload-latency.ts";
import { pushSample } from "./workloads.ts";

const MIB = 1024 * 1024;
const AT_ONCE = 8;
const REST_MS = 1000;
/** One alone takes too little processor time for a clock of hundredths. */
const PULLS = 16;
/** What the page cache takes for one push, and for those at once, and as much again for the buffers. */
const ONE_PUSH_BYTES = 2 * LARGE_BYTES;
const ALL_PUSHES_BYTES = 2 * AT_ONCE * LARGE_BYTES;

/** What was done before has still to be written, and memory to be had: neither is to be counted with what comes next. */
async function settle(bytes: number): Promise<void> {
  await Bun.$`sync`;
  await warmMemory(bytes);
}

export interface LargePlace {
  readonly dir: string;
  readonly firstPort: number;
  readonly rounds: number;
}

interface Content {
  readonly first: LargeFile;
  readonly others: readonly LargeFile[];
  readonly layers: readonly LargeFile[];
}

/** Answers a table of what `kinds` need, the first of them being ours. */
export async function compareLarge(
  samples: Samples,
  kinds: readonly PeerKind[],
  place: LargePlace,
): Promise<string> {
  await measureLarge(samples, kinds, place);
  const names = kinds.map(({ name }) => name);
  const note = `Medians of ${place.rounds} rounds. Large blobs are pulled by ${PULLED_BY}. A ratio above 1 is in Everlock's favour.`;
  return `${markdownTable(samples.figures(), names)}\n\n${note}`;
}

/** Registries are started for each round in empty directories, each round in the other order. */
async function measureLarge(
  samples: Samples,
  kinds: readonly PeerKind[],
  { dir, firstPort, rounds }: LargePlace,
): Promise<void> {
  const [first, ...others] = await makeLargeFiles(`${dir}/large`, AT_ONCE + 1);
  const layers = await makeLargeFiles(`${dir}/layer`, IMAGES, LARGE_IMAGE_BYTES);
  if (!first) return;
  const times = new Map<string, number[]>();
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round} of ${rounds}`);
    for (const kind of round % 2 === 1 ? kinds : kinds.toReversed()) {
      const home = `${dir}/${crypto.randomUUID()}`;
      const peer = await startPeer(kind, home, firstPort + kinds.indexOf(kind));
      try {
        await measurePushes(samples, peer, { first, others, layers });
        if (kind === BARE) continue;
        await settle(ALL_PUSHES_BYTES);
        await measureImagePushes(samples, peer, layers, times);
        await measurePulls(samples, peer, { first, others, layers });
        await pushSample(peer);
        await measureUploadLatency(samples, peer, dir);
      } finally {
        await peer.stop();
        rmSync(home, { recursive: true });
      }
    }
  }
  recordPushTimes(samples, times);
}

async function measurePushes(samples: Samples, peer: Peer, { first, others }: Content): Promise<void> {
  await settle(ONE_PUSH_BYTES);
  const beforeOne = cpuSeconds(peer.pid);
  const one = await timed(() => pushLarge(peer, first.path, first.digest));
  samples.record("512-MiB push", "MiB/s", peer.name, LARGE_BYTES / MIB / one);
  samples.record("CPU of 512-MiB push", "s each", peer.name, cpuSeconds(peer.pid) - beforeOne, true);
  await settle(ALL_PUSHES_BYTES);
  const before = cpuSeconds(peer.pid);
  const all = await timed(() => pushAll(peer, others));
  const name = `512-MiB push, ${AT_ONCE} at once`;
  samples.record(name, "MiB/s", peer.name, (AT_ONCE * LARGE_BYTES) / MIB / all);
  samples.record(`CPU of ${name}`, "s each", peer.name, (cpuSeconds(peer.pid) - before) / AT_ONCE, true);
  samples.record(`memory at peak, ${name}`, "MiB", peer.name, memoryMiB(peer.pid, "VmHWM"), true);
}

async function measurePulls(samples: Samples, peer: Peer, { first, others, layers }: Content): Promise<void> {
  // What the pushes left to be done in the background would else be counted with the pulls.
  await Bun.sleep(REST_MS);
  const before = cpuSeconds(peer.pid);
  const each = await timed(async () => {
    for (let i = 0; i < PULLS; i++) await pullLarge(peer, first.digest);
  });
  samples.record("512-MiB pull", "MiB/s", peer.name, (PULLS * LARGE_BYTES) / MIB / each);
  samples.record("CPU of 512-MiB pull", "s each", peer.name, (cpuSeconds(peer.pid) - before) / PULLS, true);
  const all = await timed(() => Promise.all(others.map(({ digest }) => pullLarge(peer, digest))));
  const name = `512-MiB pull, ${AT_ONCE} at once`;
  samples.record(name, "MiB/s", peer.name, (AT_ONCE * LARGE_BYTES) / MIB / all);
  await measureImagePulls(samples, peer, layers);
}
