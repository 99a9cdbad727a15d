import { rmSync } from "node:fs";
import { LARGE_BYTES, makeLargeFile, upload, uploadLarge } from "./large-transfers.ts";
import type { Peer } from "./peers.ts";
import { RawConnection } from "./raw-connection.ts";
import { MANIFEST } from "./workloads.ts";

const UPLOADS = 8;
const BYTES = 2 * LARGE_BYTES;
const CONNECTIONS = 4;
const PAUSE_MS = 2;

/** 99th percentile (ms) of manifest GETs, some hundred each second, while large uploads run. */
export async function latencyUnderUploads(peer: Peer, dir: string): Promise<number> {
  const path = `${dir}/upload`;
  await makeLargeFile(path, BYTES);
  let areOver = false;
  const uploads = Promise.all(Array.from({ length: UPLOADS }, () => uploadLarge(peer, path))).finally(() => {
    areOver = true;
  });
  const request = Buffer.from(
    `GET /v2/bench/manifests/v1 HTTP/1.1\r\n${peer.headers}Accept: ${MANIFEST}\r\n\r\n`,
  );
  const times: number[] = [];
  const ask = async () => {
    const connection = await RawConnection.open(peer.port);
    while (!areOver) {
      const began = performance.now();
      const { status, head } = await connection.request(request);
      if (status !== 200) throw new Error(`${peer.name}: the manifest answered ${head}`);
      times.push(performance.now() - began);
      await Bun.sleep(PAUSE_MS);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, ask));
  for (const url of await uploads) await upload(peer, url, "DELETE", 204);
  rmSync(path);
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN;
}
