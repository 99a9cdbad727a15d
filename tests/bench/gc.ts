import { mkdirSync, writeFileSync } from "node:fs";
import { manifestPath, tagPath } from "../../src/backends/oci-http/content/layout.ts";
import { OciStore } from "../../src/backends/oci-http/store/oci-store.ts";
import { digestHex, digestOf } from "../../src/primitives/digest.ts";
import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import { SYSTEM_IDENTITY } from "../../src/primitives/store/commits/commit-group.ts";
import type { Change } from "../../src/primitives/store/commits/tree-edit.ts";
import { localStores } from "../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../src/registry/model/repository-name.ts";
import type { Tag } from "../../src/registry/model/tag.ts";
import { binary } from "../support/binary.ts";
import { blobPath } from "../support/blob-path.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { EVERLOCK, type Peer, startPeer } from "./peers.ts";
import { timed } from "./timed.ts";

const MANIFESTS = 20_000;
const BLOBS_OF_MANIFEST = 3;
const GARBAGE_BLOBS = 40_000;
const CLIENTS = 16;
const BATCH = 2000;
const QUIET_MS = 10_000;

/** The slowest requests of clients that push and pull, with and without a collection of garbage going on. */
export async function measureGc(dir: string, port: number): Promise<string> {
  const home = `${dir}/${crypto.randomUUID()}`;
  await fill(`${home}/data`);
  const peer = await startPeer(EVERLOCK, home, port, ["--gc-grace", "1s"]);
  try {
    // The password is checked once by Argon2id, which is none of what is measured.
    const clients = Array.from({ length: CLIENTS }, (_, i) => clientOf(peer, `work${i}`));
    for (const client of clients) await client.pushImage("warm");
    const quiet = await load(clients, Bun.sleep(QUIET_MS));
    const began = performance.now();
    const collection = collect(`${home}/data`);
    const busy = await load(clients, collection);
    const seconds = (performance.now() - began) / 1000;
    const report = (await collection).trim().split("\n").at(-1);
    const row = (name: string, { pushes, pulls }: Load) =>
      `| ${name} | ${pushes.length} | ${worst(pushes)} | ${worst(pulls)} |`;
    return [
      `| ${CLIENTS} clients, ${MANIFESTS} manifests, ${MANIFESTS * BLOBS_OF_MANIFEST + GARBAGE_BLOBS} blobs stored | images pushed | slowest push (ms) | slowest pull (ms) |`,
      "| --- | ---: | ---: | ---: |",
      row("without", quiet),
      row(`while ${seconds.toFixed(1)} s of collecting`, busy),
      "",
      `${report}.`,
    ].join("\n");
  } finally {
    await peer.stop();
  }
}

function clientOf({ port, credentials }: Peer, repository: string): RegistryClient {
  return new RegistryClient(port, repository, credentials ?? null);
}

const NAME = "everlock-oci-local" as StoreName;

async function fill(dataDir: string): Promise<void> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const oci = await OciStore.open(localStores(dataDir, consoleLogger), NAME);
  const blob = (text: string) => {
    const bytes = Buffer.from(text);
    const digest = digestOf(bytes);
    writeFileSync(blobPath(`${dataDir}/${NAME}`, digest), bytes);
    return { mediaType: "application/octet-stream", digest, size: bytes.length };
  };
  for (let i = 0; i < GARBAGE_BLOBS; i++) blob(`garbage ${i}`);
  for (let start = 0; start < MANIFESTS; start += BATCH) {
    const changes = Array.from({ length: BATCH }, (_, i): readonly Change[] => {
      const [config, ...layers] = Array.from({ length: BLOBS_OF_MANIFEST }, (_, k) =>
        blob(`${start + i} ${k}`),
      );
      const mediaType = "application/vnd.oci.image.manifest.v1+json";
      const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
      const [repository, digest] = [`r${(start + i) % 100}` as RepositoryName, digestOf(content)];
      return [
        { path: manifestPath(repository, digest), content },
        { path: tagPath(repository, `v${start + i}` as Tag), content: Buffer.from(`${digest}\n`) },
      ];
    });
    await oci.store.commit(changes.flat(), { author: SYSTEM_IDENTITY, message: `fill from ${start}` });
  }
  await oci.close();
  // Removing files that were never written back costs nothing, which no registry that has been running sees.
  await Bun.$`sync`;
}

/** Seconds of each. */
interface Load {
  readonly pushes: readonly number[];
  readonly pulls: readonly number[];
}

/** Every client pushes an image and pulls it with all its blobs, again and again until `end`; nothing may fail. */
async function load(clients: readonly RegistryClient[], end: Promise<unknown>): Promise<Load> {
  let isOver = false;
  const ended = end.finally(() => {
    isOver = true;
  });
  const [pushes, pulls]: [number[], number[]] = [[], []];
  const phase = digestHex(digestOf(Buffer.from(String(performance.now())))).slice(0, 6);
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; !isOver; i++) {
        pushes.push(await timed(() => client.pushImage(`${phase}-${i}`, 4096)));
        pulls.push(await timed(() => client.verifyImage(`${phase}-${i}`)));
      }
    }),
  );
  await ended;
  return { pushes, pulls };
}

async function collect(dataDir: string): Promise<string> {
  const child = Bun.spawn([binary(), "gc", "--data-dir", dataDir], { stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`gc failed: ${text}`);
  return text;
}

/** In milliseconds. */
function worst(times: readonly number[]): string {
  return (Math.max(...times) * 1000).toFixed(0);
}
