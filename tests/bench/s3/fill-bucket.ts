import { consoleLogger } from "../../../src/primitives/logging/logger.ts";
import { S3Bucket } from "../../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../../src/primitives/s3/s3-client.ts";
import type { S3Location } from "../../../src/primitives/s3/s3-location.ts";
import { S3Engine } from "../../../src/primitives/store/engine/s3/s3-engine.ts";
import type { S3EngineLocation } from "../../../src/primitives/store/engine-location.ts";
import { StoreManager } from "../../../src/primitives/store/store-manager.ts";
import { TEST_KEYS } from "../../support/versitygw.ts";
import { fillStores } from "../many-tags.ts";

const STORE = "everlock-oci-local";

/** Stores with many tags, merged and copied as a node that runs does it. */
export async function fillBucket(
  bucket: S3Location,
  dataDir: string,
  repositories: Readonly<Record<string, number>>,
): Promise<void> {
  const location: S3EngineLocation = {
    kind: "s3",
    dataDir,
    node: "fill",
    bucket,
    credentialsFile: undefined,
    maxAgeMs: 0,
    cache: undefined,
    redirectAbove: undefined,
  };
  const client = new S3Client(bucket, () => TEST_KEYS);
  const engine = new S3Engine(location, consoleLogger, new S3Bucket(client));
  await engine.check();
  await fillStores(new StoreManager(location, engine, consoleLogger), repositories, async () => {
    const log = await engine.openLog(STORE);
    const step = () => undefined;
    await log.merge(step);
    await engine.copies.save(STORE, log, step);
  });
}
