import { expect, setSystemTime, test } from "bun:test";
import type { CommandContext, Listing } from "../../../../src/backends/admin-ssh/commands/command.ts";
import { NODE_COMMANDS } from "../../../../src/backends/admin-ssh/commands/nodes.ts";
import type { SeenNode } from "../../../../src/primitives/store/engine/nodes.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";
import { afterThisTest } from "../../../support/cleanup.ts";

const LOAD = { cpu: 0.314, memoryBytes: 212 << 20, requestsUnderWay: 6 };

const ALIVE: SeenNode = {
  name: "node-1",
  isSelf: true,
  isGone: false,
  seenSecondsAgo: 4,
  behindSeconds: 0,
  state: { host: "one", version: "1.2.3", started: 1_000_000, requestsPerSecond: 140.2, ...LOAD },
};
const GONE: SeenNode = {
  name: "node-2",
  isSelf: false,
  isGone: true,
  seenSecondsAgo: 130,
  behindSeconds: 75,
  state: { host: "two", version: "1.2.4", started: 1_000_000, requestsPerSecond: 0.25, ...LOAD },
};

async function show(nodes: readonly SeenNode[]): Promise<Listing> {
  setSystemTime(new Date((1_000_000 + 3 * 86_400 + 4 * 3600 + 130) * 1000));
  afterThisTest(() => void setSystemTime());
  const server = { nodes: { list: async () => nodes } };
  const context = { server, actor: actorWith(ADMINISTRATOR), width: undefined } as unknown as CommandContext;
  return (await NODE_COMMANDS[0]?.run([], context)) as Listing;
}

test("the console shows each node with its state, lag and load, and for how long one is gone", async () => {
  const { lines, records } = await show([GONE, ALIVE]);
  expect(lines).toEqual([
    "node           host  state                  version  up     behind  CPU   memory   requests/s  under way",
    "node-1 (this)  one   alive                  1.2.3    3d 4h  0s      31 %  212 MiB  140         6",
    "node-2         two   gone, seen 2m 10s ago  1.2.4    3d 4h  1m 15s  31 %  212 MiB  0.3         6",
  ]);
  expect(records).toHaveLength(2);
});

test("the one node of a data directory is behind nobody", async () => {
  const { lines, records } = await show([{ ...ALIVE, behindSeconds: undefined }]);
  expect(lines[1]).toMatch(/ 3d 4h +- +31 % /);
  expect(records).toMatchObject([{ behindSeconds: null }]);
});
