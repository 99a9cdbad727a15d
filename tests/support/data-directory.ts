import { cpSync } from "node:fs";
import type { Digest } from "../../src/primitives/digest.ts";
import { RegistryClient } from "./registry-client.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { startTestServer } from "./test-server.ts";

export interface FilledDirectory {
  /** The data directory of a stopped server. */
  readonly dataDir: string;
  /** The layers of the images `app:v0`, `app:v1` and so on. */
  readonly layers: readonly Digest[];
}

/** Creates a data directory with images pushed by its administrator `alice`. */
export async function filledDirectory(
  images: number,
  { layerBytes = 1000, args = [] as readonly string[] } = {},
): Promise<FilledDirectory> {
  const { server, httpPort, dataDir } = await startTestServer(args);
  const client = new RegistryClient(httpPort, "app");
  const layers: Digest[] = [];
  for (let i = 0; i < images; i++) layers.push((await client.pushImage(`v${i}`, layerBytes)).layer);
  await server.stop();
  // A copy, because cleanup stops the server once more after the test.
  const copy = `${temporaryDirectory()}/data`;
  cpSync(dataDir, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  return { dataDir: copy, layers };
}

export function blobPath(dir: string, digest: Digest): string {
  const [algorithm, hex = ""] = digest.split(":");
  return `${dir}/everlock-oci-local/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}`;
}
