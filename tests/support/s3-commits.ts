import type { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import type { CommitStorage, StorageEngine } from "../../src/primitives/store/engine/engine.ts";
import { S3Branch } from "../../src/primitives/store/engine/s3/log/s3-branch.ts";
import { S3Objects } from "../../src/primitives/store/engine/s3/log/s3-objects.ts";
import { StoreLog } from "../../src/primitives/store/engine/s3/log/store-log.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

let nodes = 0;

/** The log of a store as a new node opens it. */
export function openNodeLog(bucket: S3Bucket, store: string): Promise<StoreLog> {
  return StoreLog.open(bucket, store, { node: `node-${++nodes}`, localDir: temporaryDirectory() });
}

export function commitsOf(log: StoreLog): CommitStorage {
  return { objects: new S3Objects(log), branch: new S3Branch(log), hold: async () => () => undefined };
}

/** A node of which only the commits are used. */
export function commitsOnlyEngine(bucket: () => Promise<S3Bucket>): StorageEngine {
  const engine: Pick<StorageEngine, "create" | "openCommits"> = {
    create: async () => undefined,
    openCommits: async (name) => commitsOf(await openNodeLog(await bucket(), name)),
  };
  return engine as StorageEngine;
}
