import { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../src/primitives/s3/s3-client.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { S3Engine } from "../../src/primitives/store/engine/s3/s3-engine.ts";
import type { S3EngineLocation } from "../../src/primitives/store/engine-location.ts";
import { StoreManager } from "../../src/primitives/store/store-manager.ts";
import { TEST_KEYS } from "./s3-server.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** The stores of a new node with an empty data directory, and what it logs. */
export function storesOnNode(location: S3Location, dataDir = temporaryDirectory()) {
  const where: S3EngineLocation = {
    kind: "s3",
    dataDir,
    node: `node-${crypto.randomUUID().slice(0, 8)}`,
    bucket: location,
    credentialsFile: undefined,
    maxAgeMs: 0,
    cache: undefined,
    redirectAbove: undefined,
  };
  const logged: string[] = [];
  const say = (message: string) => void logged.push(message);
  const log = { info: say, warn: say, error: say };
  const bucket = new S3Bucket(new S3Client(location, () => TEST_KEYS));
  const engine = new S3Engine(where, log, bucket);
  return { stores: new StoreManager(where, engine, log), engine, client: bucket.client, logged, dataDir };
}
