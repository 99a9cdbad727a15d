import { rmSync } from "node:fs";
import { makeLargeFile, upload, uploadLarge } from "./large-transfers.ts";
import type { Peer } from "./peers.ts";
import { RawConnection } from "./raw-connection.ts";
import type { Samples } from "./samples.ts";
import { timed } from "./timed.ts";
import { MANIFEST } from "./workloads.ts";

const GIB = 1024 ** 3;
const UPLOADS = 8;
const BYTES = GIB;
const CONNECTIONS = 4;
const PAUSE_MS = 2;

/** How long manifest GETs, some hundred each second, take while large uploads run. */
export async function measureUploadLatency(samples: Samples, peer: Peer, dir: string): Promise<void> {
  const path = `${dir}/upload`;
  await makeLargeFile(path, BYTES);
  let areOver = false;
  const uploads = Promise.all(Array.from({ length: UPLOADS }, () => uploadLarge(peer, path))).finally(() => {
    areOver = true;
  });
  const request = Buffer.from(
    `GET /v2/bench/manifests/v1 HTTP/1.1\r\n${peer.headers}Accept: ${MANIFEST}\r\n\r\n`,
  );
  const get = async (connection: RawConnection) => {
    const { status, head } = await connection.request(request);
    if (status !== 200) throw new Error(`${peer.name}: the manifest answered ${head}`);
  };
  const times: number[] = [];
  const ask = async () => {
    const connection = await RawConnection.open(peer.port);
    while (!areOver) {
      times.push(await timed(() => get(connection)));
      await Bun.sleep(PAUSE_MS);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, ask));
  for (const url of await uploads) await upload(peer, url, "DELETE", 204);
  rmSync(path);
  const percentile = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN;
  const name = `99th percentile of manifest GET while ${UPLOADS} uploads of ${BYTES / GIB} GiB run`;
  samples.record(name, "ms", peer.name, percentile * 1000, true);
}
