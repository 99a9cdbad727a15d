import { digestOf } from "../../src/primitives/digest.ts";
import { LARGE_IMAGE_BYTES, type LargeFile, pullLarge, pushLarge } from "./large-transfers.ts";
import { cpuSeconds, type Peer } from "./peers.ts";
import { RawConnection } from "./raw-connection.ts";
import type { Samples } from "./samples.ts";
import { timed } from "./timed.ts";
import { get, MANIFEST, manifestFor, pushBlob, putManifest } from "./workloads.ts";

const MIB = 1024 * 1024;
const CLIENTS = 10;
export const IMAGES = 3 * CLIENTS;
const CONFIG = Buffer.from("{}");
const NAME = `100-MB images, ${CLIENTS} clients`;

/** Seconds that each image took. */
export type PushTimes = Map<string, number[]>;

async function shareOut(layers: readonly LargeFile[], work: (layer: LargeFile, i: number) => Promise<void>) {
  const rest = [...layers.entries()];
  const client = async () => {
    for (let next = rest.pop(); next; next = rest.pop()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

async function pushImage(peer: Peer, { path, digest }: LargeFile, tag: string): Promise<void> {
  const connection = await RawConnection.open(peer.port);
  await pushBlob(connection, peer, "large", CONFIG);
  await pushLarge(peer, path, digest);
  const config = { digest: digestOf(CONFIG), size: CONFIG.length };
  const manifest = manifestFor(config, { digest, size: LARGE_IMAGE_BYTES }, tag);
  await putManifest(connection, peer, `/v2/large/manifests/${tag}`, manifest);
  connection.close();
}

async function pullImage(peer: Peer, { digest }: LargeFile, tag: string): Promise<void> {
  const connection = await RawConnection.open(peer.port);
  await get(connection, peer, `/v2/large/manifests/${tag}`, `Accept: ${MANIFEST}\r\n`);
  connection.close();
  await pullLarge(peer, digest, LARGE_IMAGE_BYTES);
}

/** Each image has a layer of its own. */
export async function measureImagePushes(
  samples: Samples,
  peer: Peer,
  layers: readonly LargeFile[],
  times: PushTimes,
): Promise<void> {
  const mine = times.get(peer.name) ?? [];
  times.set(peer.name, mine);
  const before = cpuSeconds(peer.pid);
  const all = await timed(() =>
    shareOut(layers, async (layer, i) => {
      mine.push(await timed(() => pushImage(peer, layer, `v${i}`)));
    }),
  );
  samples.record(`${NAME}: pushes`, "images/s", peer.name, layers.length / all);
  const mib = (layers.length * LARGE_IMAGE_BYTES) / MIB;
  const used = ((cpuSeconds(peer.pid) - before) * 1000) / mib;
  samples.record(`CPU of a pushed MiB, ${NAME}`, "ms", peer.name, used, true);
}

export async function measureImagePulls(samples: Samples, peer: Peer, layers: readonly LargeFile[]) {
  const all = await timed(() => shareOut(layers, (layer, i) => pullImage(peer, layer, `v${i}`)));
  samples.record(`${NAME}: pulls`, "images/s", peer.name, layers.length / all);
}

/** Of all rounds together: one has too few. */
export function recordPushTimes(samples: Samples, times: PushTimes): void {
  for (const [name, mine] of times) {
    const slow = mine.toSorted((a, b) => a - b)[Math.floor(mine.length * 0.99)] ?? Number.NaN;
    samples.record(`99th percentile of a push, ${NAME}`, "s", name, slow, true);
  }
}
