import { rmSync } from "node:fs";
import {
  LARGE_BYTES,
  type LargeFile,
  makeLargeFiles,
  pullLarge,
  pushAll,
  pushLarge,
} from "./large-transfers.ts";
import { warmMemory } from "./machine.ts";
import { cpuSeconds, memoryMiB, type Peer, type PeerKind, startPeer } from "./peers.ts";
import type { Samples } from "./samples.ts";
import { timed } from "./timed.ts";
import { measureUploadLatency } from "./upload-latency.ts";

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

/** New content each time: what a registry has already it need not take again. */
export async function measureLarge(
  samples: Samples,
  peers: readonly Peer[],
  bare: Peer,
  dir: string,
): Promise<void> {
  const [first, ...others] = await makeLargeFiles(dir, AT_ONCE + 1);
  if (!first) return;
  for (const peer of [...peers, bare]) {
    await settle(ONE_PUSH_BYTES);
    const one = await timed(() => pushLarge(peer, first.path, first.digest));
    samples.record("512-MiB push", "MiB/s", peer.name, LARGE_BYTES / MIB / one);
    await settle(ALL_PUSHES_BYTES);
    const before = cpuSeconds(peer.pid);
    const all = await timed(() => pushAll(peer, others));
    const name = `512-MiB push, ${AT_ONCE} at once`;
    samples.record(name, "MiB/s", peer.name, (AT_ONCE * LARGE_BYTES) / MIB / all);
    samples.record(`CPU of ${name}`, "s each", peer.name, (cpuSeconds(peer.pid) - before) / AT_ONCE, true);
    if (peer === bare) continue;
    await measurePulls(samples, peer, first, others);
    await measureUploadLatency(samples, peer, dir);
  }
}

async function measurePulls(
  samples: Samples,
  peer: Peer,
  first: LargeFile,
  others: readonly LargeFile[],
): Promise<void> {
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
}

/** Of registries that have done nothing else. */
export async function measurePushMemory(
  samples: Samples,
  kinds: readonly PeerKind[],
  { dir, firstPort }: { readonly dir: string; readonly firstPort: number },
): Promise<void> {
  const files = await makeLargeFiles(dir, AT_ONCE);
  for (const [i, kind] of kinds.entries()) {
    const home = `${dir}/memory-${i}`;
    const peer = await startPeer(kind, home, firstPort + i);
    try {
      await pushAll(peer, files);
      const peak = memoryMiB(peer.pid, "VmHWM");
      samples.record(`memory at peak, ${AT_ONCE} 512-MiB pushes at once`, "MiB", peer.name, peak, true);
    } finally {
      await peer.stop();
      rmSync(home, { recursive: true });
    }
  }
}
