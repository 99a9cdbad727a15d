import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { type Everlock, startProcess } from "./everlock-process.ts";
import { TEST_KEYS } from "./s3-server.ts";

/** The flags of a node over a bucket. */
export function nodeArgs({ endpoint, bucket, prefix }: S3Location): readonly string[] {
  return ["--storage", `s3://${bucket}/${prefix}`, "--storage-endpoint", endpoint];
}

export const NODE_ENV = {
  AWS_ACCESS_KEY_ID: TEST_KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: TEST_KEYS.secretAccessKey,
};

/** Starts a node over a bucket in an empty directory, or in that of an earlier one. */
export function startNode(
  location: S3Location,
  {
    dataDir,
    args = [],
    env = {},
  }: {
    readonly dataDir?: string;
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Everlock> {
  return startProcess({
    ...(dataDir !== undefined && { dataDir }),
    args: [...nodeArgs(location), ...args],
    env: { ...NODE_ENV, ...env },
  });
}
