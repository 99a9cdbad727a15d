import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { S3Engine } from "../../src/primitives/store/engine/s3/s3-engine.ts";
import { StoreManager, type StoreName } from "../../src/primitives/store/store-manager.ts";
import type { Everlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { bucketAt } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

export const REPOSITORY = "team/app";

export const clientOf = ({ httpPort }: Everlock, repository = REPOSITORY) =>
  new RegistryClient(httpPort, repository);

/** The node of a turn, each in its time. */
export function nodeAt(nodes: readonly Everlock[], turn: number): Everlock {
  const node = nodes[turn % nodes.length];
  if (!node) throw new Error("there is no node");
  return node;
}

/** A push as the history tells it. */
export interface ToldPush {
  readonly tag: string;
  readonly digest: string;
}

/** Another manifest with the blobs of a manifest. */
export function variantOf(manifest: string, push: string): string {
  return JSON.stringify({ ...(JSON.parse(manifest) as object), annotations: { push } });
}

/** All pushes to `REPOSITORY`, the newest first, as a node tells them that starts now on an empty disk. */
export async function toldPushes(location: S3Location): Promise<ToldPush[]> {
  const dataDir = temporaryDirectory();
  const storage = { credentialsFile: undefined, maxAgeMs: 0, cache: undefined, redirectAbove: undefined };
  const engine = new S3Engine(
    { ...storage, bucket: location, dataDir, node: "reader" },
    consoleLogger,
    bucketAt(location),
  );
  const stores = new StoreManager({ kind: "local", dataDir }, engine, consoleLogger);
  const store = await stores.open("everlock-oci-local" as StoreName);
  const pushes: ToldPush[] = [];
  for await (const { commit } of store.history()) {
    const [, tag = ""] = commit.message.match(/^push team\/app:(\S+)/) ?? [];
    const [, digest = ""] = commit.message.match(/^Digest: (\S+)/m) ?? [];
    if (tag !== "") pushes.push({ tag, digest });
  }
  await store.close();
  return pushes;
}
