import type { S3Bucket } from "../../../../../../src/primitives/s3/s3-bucket.ts";
import { MemoryS3 } from "../../../../../support/memory-s3.ts";
import { commitsOnlyEngine } from "../../../../../support/s3-commits.ts";
import { describeBranch } from "../../../contract/describe-branch.ts";
import { describeObjects } from "../../../contract/describe-objects.ts";
import type { EngineUnderTest } from "../../../contract/engines.ts";
import type { LeasesUnderTest } from "../../../contract/leases-under-test.ts";

/** Of the leases and blobs of an engine, none of these contracts asks. */
const UNUSED = { leases: {} as LeasesUnderTest, damage: () => undefined };

function underTest(name: string, newStorage: () => () => Promise<S3Bucket>): EngineUnderTest {
  const create = () => {
    const bucket = newStorage();
    const open = () => commitsOnlyEngine(bucket);
    return { engine: open(), afterKill: open, otherNode: open, ...UNUSED };
  };
  return { name, hasNodes: true, create };
}

const memory = underTest("log on a store in memory", () => {
  const s3 = new MemoryS3();
  return async () => s3.bucket();
});
describeBranch(memory);
describeObjects(memory);
