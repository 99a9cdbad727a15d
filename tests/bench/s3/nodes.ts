import { measureSteps } from "../load.ts";
import { cpuSeconds, type Peer, startPeer } from "../peers.ts";
import { median } from "../report.ts";
import { smallImagePush } from "../workloads.ts";
import { everlockOver } from "./s3-peers.ts";
import type { S3Place } from "./s3-place.ts";

const MAX_NODES = 4;
const WARM_UP_SECONDS = 5;

/** How many small images a growing number of nodes over one bucket takes. */
export async function measureNodes({ dir, port, location, load, rounds }: S3Place): Promise<string> {
  const nodes: Peer[] = [];
  const rows = ["| nodes | small images/s | CPU of the nodes (µs each) |", "| ---: | ---: | ---: |"];
  try {
    for (let count = 1; count <= MAX_NODES; count++) {
      nodes.push(await startPeer(everlockOver(location), `${dir}/node-${count}`, port + count));
      const [rates, costs]: [number[], number[]] = [[], []];
      const ports = nodes.map((node) => node.port);
      const [first] = nodes;
      if (!first) break;
      // A node that has just started is busy with compiling JavaScript.
      await measureSteps(smallImagePush(first), ports, { ...load, seconds: WARM_UP_SECONDS });
      for (let round = 0; round < rounds; round++) {
        const used = () => nodes.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
        const before = used();
        const measured = await measureSteps(smallImagePush(first), ports, load);
        rates.push(measured.rate);
        costs.push(((used() - before) / measured.count) * 1e6);
      }
      rows.push(`| ${count} | ${Math.round(median(rates))} | ${Math.round(median(costs))} |`);
      console.error(`  ${rows.at(-1)}`);
    }
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
  return rows.join("\n");
}
