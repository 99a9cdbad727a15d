import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { type Everlock, startEverlock } from "./everlock.ts";
import { startNginx } from "./nginx.ts";
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
  { dataDir, args = [] }: { readonly dataDir?: string; readonly args?: readonly string[] } = {},
): Promise<Everlock> {
  return startEverlock({
    ...(dataDir !== undefined && { dataDir }),
    args: [...nodeArgs(location), ...args],
    env: NODE_ENV,
  });
}

/** A load balancer in front of the nodes, which sends each request to another one. Returns its port. */
export async function balance(nodes: readonly Everlock[]): Promise<number> {
  const upstream = nodes.map(({ httpPort }) => `server 127.0.0.1:${httpPort};`).join(" ");
  const [port = 0] = await startNginx(
    1,
    ([listen]) => `
      upstream nodes { ${upstream} }
      server {
        listen 127.0.0.1:${listen};
        client_max_body_size 0;
        location / {
          proxy_pass http://nodes;
          proxy_http_version 1.1;
          proxy_request_buffering off;
          proxy_buffering off;
          proxy_set_header Host $http_host;
        }
      }`,
  );
  return port;
}
