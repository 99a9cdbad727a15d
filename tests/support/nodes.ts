import { mkdirSync } from "node:fs";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { binary } from "./binary.ts";
import {
  ADMIN_PASSWORD,
  type Everlock,
  type StartOptions,
  sshRun,
  startProcess,
} from "./everlock-process.ts";
import { balance } from "./load-balancer.ts";
import { NODE_ENV, nodeArgs } from "./s3-cluster.ts";
import { startS3Server } from "./s3-server.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { must } from "./tools.ts";

/** How many nodes `startEverlock` starts instead of one server; see `preload.ts`. */
export const NODES = process.env["TEST_NODES"] === undefined ? undefined : Number(process.env["TEST_NODES"]);

/** What one node takes away applies on the others within about a second. */
const FOLLOWED_MS = 1500;

/** The buckets of the data directories of this test process: a start on the data of earlier nodes is on their bucket. */
const buckets = new Map<string, S3Location>();

/**
 * Starts nodes over a bucket of versitygw, and nginx in front of them, which sends each HTTP request, and each connection
 * for HTTPS, SSH or metrics, to another node. What they offer is that of one server but for `pid`. Below `dataDir`, each has
 * a directory of its own.
 */
export async function startNodes(count: number, options: StartOptions): Promise<Everlock> {
  if (options.ports || options.openFiles)
    throw new Error("nodes listen on free ports, with the usual limits");
  const dataDir = options.dataDir ?? `${temporaryDirectory()}/data`;
  const location = buckets.get(dataDir) ?? (await startS3Server());
  buckets.set(dataDir, location);
  const args = [...nodeArgs(location), ...trustBalancer(options.args ?? []), ...(options.args ?? [])];
  const env = { ...NODE_ENV, ...options.env };
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const start = (node: number) => startProcess({ dataDir: `${dataDir}/node-${node}`, args, env });
  const nodes = await Promise.all(Array.from({ length: count }, (_, node) => start(node)));
  const ports = await balance(nodes);
  const sharedBy = `${temporaryDirectory()}/ssh`;
  return {
    dataDir,
    get pid(): number {
      throw new Error("several nodes have several processes; see 'nodes'");
    },
    ...ports,
    nodes,
    registry: `localhost:${ports.httpPort}`,
    log: () => merged(nodes.map((node) => node.log())),
    async console(command, stdin) {
      const result = await sshRun(ports.sshPort, "admin", ADMIN_PASSWORD, command, stdin, { sharedBy });
      await followed(nodes);
      return result;
    },
    async repository(store) {
      const target = `${temporaryDirectory()}/${store}`;
      await must([binary(), "export", store, target, ...nodeArgs(location)], { env: NODE_ENV });
      return target;
    },
    async end(signal) {
      const codes = await Promise.all(nodes.map((node) => node.end(signal)));
      return Math.max(...codes);
    },
  };
}

/** Resolves when what one node has changed of users, grants and registries applies on all. */
async function followed(nodes: readonly Everlock[]): Promise<void> {
  const looks = nodes.map(async ({ httpPort }) => {
    // Before this request is refused or answered, a node looks; unless it serves nothing for now.
    const headers = { Host: "localhost" };
    const { status } = await fetch(`http://127.0.0.1:${httpPort}/v2/_catalog`, { headers });
    if (status === 503) await Bun.sleep(FOLLOWED_MS);
  });
  await Promise.all(looks);
}

/** So that limits by address count the addresses of clients. */
function trustBalancer(args: readonly string[]): readonly string[] {
  const flag = "--frontend-http-trusted-proxy";
  return args.includes(flag) ? [] : [flag, "127.0.0.1"];
}

/** The lines of several logs by their time. */
function merged(logs: readonly string[]): string {
  const lines = logs.flatMap((log) => log.split("\n").filter((line) => line !== ""));
  return lines.length === 0 ? "" : `${lines.toSorted().join("\n")}\n`;
}
