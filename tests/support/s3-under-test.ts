import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { S3Engine } from "../../src/primitives/store/engine/s3/s3-engine.ts";
import { LEASE_TERM_MS } from "../../src/primitives/store/engine/s3/shared/s3-lease.ts";
import { S3Leases } from "../../src/primitives/store/engine/s3/shared/s3-leases.ts";
import type { StorageUnderTest } from "../primitives/store/contract/engines.ts";
import { type LeasesUnderTest, leasesWithTerm } from "../primitives/store/contract/leases-under-test.ts";
import { damageBlob } from "./s3-content.ts";
import { TroubledClient } from "./s3-node.ts";
import { bucketAt } from "./s3-server.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

function nodeName(): string {
  return `node-${crypto.randomUUID().slice(0, 8)}`;
}

/** A new node with an empty disk over a bucket. */
function openNode(location: S3Location): S3Engine {
  const options = { maxAgeMs: 0, credentialsFile: undefined, cache: undefined, redirectAbove: undefined };
  const node = { ...options, bucket: location, dataDir: temporaryDirectory(), node: nodeName() };
  return new S3Engine(node, SILENT, bucketAt(location));
}

/** Leases of nodes with a clock each. */
function leasesIn(location: S3Location): LeasesUnderTest {
  return leasesWithTerm(LEASE_TERM_MS, (clock) => {
    const client = new TroubledClient(location);
    const leases = new S3Leases(client.bucket(), nodeName(), clock);
    const cutOff = () => {
      client.trouble = () => "lost";
    };
    return { engine: { openLeases: async () => leases }, cutOff };
  });
}

/** A bucket with the engines of nodes over it. A node that is killed leaves nothing: the next one begins with an empty disk. */
export function s3Storage(location: S3Location): StorageUnderTest {
  const open = () => openNode(location);
  return {
    engine: open(),
    afterKill: open,
    otherNode: open,
    leases: leasesIn(location),
    damage: (digest) => damageBlob(bucketAt(location), digest),
  };
}
