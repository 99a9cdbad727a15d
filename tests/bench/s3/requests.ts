import { digestOf } from "../../../src/primitives/digest.ts";
import { randomBytes } from "../../support/random-bytes.ts";
import { type Peer, startPeer } from "../peers.ts";
import { RawConnection } from "../raw-connection.ts";
import { get, manifestOf, pushBlob, putManifest } from "../workloads.ts";
import { CountingProxy } from "./counting-proxy.ts";
import { everlockOver } from "./s3-peers.ts";
import type { S3Place } from "./s3-place.ts";

const MIB = 1024 * 1024;
const REPOSITORY = "counted";
/** What a request has left to be done, such as the deletion of its session. */
const REST_MS = 500;
/** Of which the one with the fewest requests counts. */
const ATTEMPTS = 3;
const LARGE_BYTES = 64 * MIB;

interface Counted {
  readonly what: string;
  readonly requests: readonly string[];
}

/** What clients' requests to one node, which nobody else uses, cost at the object store. */
export async function countRequests({ dir, port, location }: S3Place): Promise<string> {
  const proxy = new CountingProxy(location);
  const [node, other] = [
    await startPeer(everlockOver(proxy.location), `${dir}/counted`, port),
    await startPeer(everlockOver(location), `${dir}/uncounted`, port + 1),
  ];
  try {
    const rows = await count(proxy, node, other);
    const lines = rows.map(({ what, requests }) => `| ${what} | ${requests.length} | ${summary(requests)} |`);
    return ["| client's request | requests to the store | which |", "| --- | ---: | --- |", ...lines].join(
      "\n",
    );
  } finally {
    await Promise.all([node.stop(), other.stop()]);
    proxy.stop();
  }
}

async function count(proxy: CountingProxy, node: Peer, other: Peer): Promise<Counted[]> {
  const rows: Counted[] = [];
  const during = async (what: string, work: () => Promise<void>) => {
    await nodeHasLooked(proxy);
    proxy.requests.length = 0;
    await work();
    await Bun.sleep(REST_MS);
    // Not what the node does by itself, such as merges of the log.
    const requests = proxy.requests.filter((line) =>
      /everlock-oci-local.(uploads|blobs|data|touched|log)/.test(line),
    );
    const known = rows.find((row) => row.what === what);
    if (!known) rows.push({ what, requests });
    else if (requests.length < known.requests.length) rows[rows.indexOf(known)] = { what, requests };
  };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const connections = await Promise.all([RawConnection.open(node.port), RawConnection.open(other.port)]);
    await countOnce(during, [node, other], connections);
    for (const connection of connections) connection.close();
  }
  return rows;
}

/** Resolves after a look of the node at the log, of which it makes one a second by itself: what follows has no other. */
async function nodeHasLooked(proxy: CountingProxy): Promise<void> {
  proxy.requests.length = 0;
  const hasLooked = () => proxy.requests.some((line) => /^GET .*\/everlock-oci-local\/log\//.test(line));
  while (!hasLooked()) await Bun.sleep(1);
}

async function countOnce(
  during: (what: string, work: () => Promise<void>) => Promise<void>,
  [node, other]: readonly [Peer, Peer],
  [here, there]: readonly [RawConnection, RawConnection],
): Promise<void> {
  const [config, layer, large] = [randomBytes(256), randomBytes(4096), randomBytes(LARGE_BYTES)];
  const [patched, foreign] = [randomBytes(256), randomBytes(4096)];
  const manifest = manifestOf(layer, "counted", config);
  const path = `/v2/${REPOSITORY}/manifests`;
  const blob = (bytes: Uint8Array) => `/v2/${REPOSITORY}/blobs/${digestOf(bytes)}`;
  const push = (bytes: Uint8Array, isPatched: boolean) => pushBlob(here, node, REPOSITORY, bytes, isPatched);
  await during("push of a small blob: POST, PATCH, PUT", () => push(patched, true));
  await during("push of a small blob: POST, PUT", () => push(config, false));
  await push(layer, false);
  await during("push of a manifest with two blobs that were just pushed", () =>
    putManifest(here, node, `${path}/v1`, manifest),
  );
  await during("the same manifest under another tag", () => putManifest(here, node, `${path}/v2`, manifest));
  await during("pull by digest", () => get(here, node, `${path}/${digestOf(manifest)}`));
  await during("pull by tag", () => get(here, node, `${path}/v1`));
  await during("pull of a small blob, the first time", () => get(here, node, blob(layer)));
  await during("pull of a small blob, again", () => get(here, node, blob(layer)));
  await pushBlob(there, other, REPOSITORY, foreign);
  await Bun.sleep(REST_MS);
  await during("pull of a small blob that another node has pushed", () => get(here, node, blob(foreign)));
  await during("push of a blob of 64 MiB: POST, PATCH, PUT", () => push(large, true));
  await during("pull of a blob of 64 MiB", () => get(here, node, blob(large)));
}

/** Methods and what the keys are of, each with its number. */
function summary(requests: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of requests) {
    const [, method, kind] = line.match(/^(\w+) .*\/everlock-oci-local\/(\w+)/) ?? [];
    const name = `${method} ${kind}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, n]) => (n === 1 ? name : `${n} ${name}`)).join(", ");
}
