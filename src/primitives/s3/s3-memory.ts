import { Outage } from "./outage.ts";
import { PlacedBlobs } from "./placed-blobs.ts";
import { RetryBudget } from "./retry-budget.ts";
import { S3Traffic } from "./s3-traffic.ts";

/** What all threads of a node share about one object store. */
export interface S3Memory {
  readonly outage: SharedArrayBuffer;
  readonly budget: SharedArrayBuffer;
  readonly traffic: SharedArrayBuffer;
  readonly placed: SharedArrayBuffer;
}

export function newS3Memory(): S3Memory {
  return {
    outage: Outage.memory(),
    budget: RetryBudget.memory(),
    traffic: S3Traffic.memory(),
    placed: PlacedBlobs.memory(),
  };
}
