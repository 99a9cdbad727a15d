import { writeFileSync } from "node:fs";
import type { S3Location } from "../../../src/primitives/s3/s3-location.ts";
import { TEST_KEYS } from "../../support/versitygw.ts";
import { EVERLOCK, type PeerKind } from "../peers.ts";

const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: TEST_KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: TEST_KEYS.secretAccessKey,
};

/** A node of Everlock over a bucket. */
export function everlockOver({ endpoint, bucket, prefix }: S3Location): PeerKind {
  const storage = ["--storage", `s3://${bucket}/${prefix}`, "--storage-endpoint", endpoint];
  return {
    ...EVERLOCK,
    environment: ENVIRONMENT,
    command: (dir, port, flags = []) => EVERLOCK.command(dir, port, [...storage, ...flags]),
  };
}

/** Another executable of Everlock, in a part of the bucket of its own. */
export function earlierOver(location: S3Location, executable: string): PeerKind {
  const kind = everlockOver(location);
  return {
    ...kind,
    name: "Everlock before",
    command: (dir, port, flags) => [executable, ...kind.command(dir, port, flags).slice(1)],
  };
}

/** distribution v3 over the same bucket: bytes go through it, as they do at Everlock, unless clients are sent to the store. */
export function distributionOver({ endpoint, bucket, region }: S3Location, program: string): PeerKind {
  return {
    name: "distribution v3",
    program,
    authorization: undefined,
    command: (dir, port) => {
      writeFileSync(
        `${dir}/config.yml`,
        `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  s3:
    accesskey: ${TEST_KEYS.accessKeyId}
    secretkey: ${TEST_KEYS.secretAccessKey}
    region: ${region}
    regionendpoint: ${endpoint}
    forcepathstyle: true
    secure: false
    bucket: ${bucket}
    rootdirectory: /distribution
  cache: {blobdescriptor: inmemory}
  delete: {enabled: true}
  redirect: {disable: true}
http: {addr: "127.0.0.1:${port}"}
`,
      );
      return [program, "serve", `${dir}/config.yml`];
    },
  };
}
