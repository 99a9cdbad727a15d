import { expect, test } from "bun:test";
import type { S3Response } from "../../../../../../src/primitives/s3/s3-exchange.ts";
import type { S3Location } from "../../../../../../src/primitives/s3/s3-location.ts";
import type { NodeState } from "../../../../../../src/primitives/store/engine/nodes.ts";
import { StoreLog } from "../../../../../../src/primitives/store/engine/s3/log/store-log.ts";
import {
  FORGOTTEN_SECONDS,
  REPORT_EVERY_MS,
  S3Nodes,
} from "../../../../../../src/primitives/store/engine/s3/shared/s3-nodes.ts";
import { secondsBehind } from "../../../../../../src/primitives/store/engine/s3/shared/seconds-behind.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { ManualClock } from "../../../../../support/memory-engine/manual-clock.ts";
import { TroubledClient } from "../../../../../support/s3-node.ts";
import { bucketAt, sharedS3Server } from "../../../../../support/s3-server.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";
import { describeWith } from "../../../../../support/tools.ts";

const STATE: NodeState = {
  host: "machine",
  version: "1.2.3",
  started: 1000.5,
  cpu: 0.5,
  memoryBytes: 1 << 20,
  requestsPerSecond: 12.5,
  requestsUnderWay: 3,
};

function nodeAt(location: S3Location, node: string, behind = 0) {
  const client = new TroubledClient(location);
  const clock = new ManualClock();
  const nodes = new S3Nodes({ bucket: client.bucket(), node, clock, behindSeconds: async () => behind });
  const seen = async () => (await nodes.list()).map(({ name, isSelf, isGone }) => [name, isSelf, isGone]);
  return { client, clock, nodes, seen };
}

describeWith(["versitygw"], "nodes in a bucket", () => {
  const nextLocation = sharedS3Server();

  /** Two nodes that have reported. */
  async function two() {
    const location = nextLocation();
    const [a, b] = [nodeAt(location, "a", 2), nodeAt(location, "b")];
    const leaves = [a, b].map(({ nodes }) => nodes.announce(() => STATE));
    expect(await eventually(async () => (await a.nodes.list()).length === 2)).toBe(true);
    const [leaveA, leaveB] = leaves as [() => Promise<void>, () => Promise<void>];
    return { location, a, b, leaveA, leaveB };
  }

  test("that were killed long ago are forgotten when another one starts, though nobody asks for them", async () => {
    const location = nextLocation();
    const bucket = bucketAt(location);
    await bucket.put("nodes/killed", new Uint8Array(1));
    const next = nodeAt(location, "next");
    next.client.aheadMs = (FORGOTTEN_SECONDS + 60) * 1000;
    const leave = next.nodes.announce(() => STATE);
    expect(await eventually(async () => (await bucket.head("nodes/killed")) === undefined)).toBe(true);
    await leave();
  });

  test("see each other with what they report, and which one is this", async () => {
    const { a, b, leaveA, leaveB } = await two();
    const aboutA = { name: "a", isGone: false, behindSeconds: 2, state: STATE };
    expect(await a.nodes.list()).toContainEqual({
      ...aboutA,
      isSelf: true,
      seenSecondsAgo: expect.any(Number),
    });
    expect(await b.nodes.list()).toContainEqual({
      ...aboutA,
      isSelf: false,
      seenSecondsAgo: expect.any(Number),
    });
    await leaveA();
    expect(await b.seen()).toEqual([["b", true, false]]);
    await leaveB();
    expect(await b.seen()).toEqual([]);
  });

  test("report again and again what they are then, and no more once they have left", async () => {
    const location = nextLocation();
    const node = nodeAt(location, "a");
    let requestsUnderWay = 0;
    const leave = node.nodes.announce(() => ({ ...STATE, requestsUnderWay: ++requestsUnderWay }));
    for (const reports of [1, 2, 3]) {
      expect(
        await eventually(async () => (await node.nodes.list())[0]?.state.requestsUnderWay === reports),
      ).toBe(true);
      await node.clock.advance(REPORT_EVERY_MS);
    }
    await leave();
    await node.clock.advance(10 * REPORT_EVERY_MS);
    expect(await node.seen()).toEqual([]);
  });

  test("are shown as gone when they do not report, and are forgotten after a while", async () => {
    const { location, b } = await two();
    b.client.aheadMs = 60_000;
    expect(await b.seen()).toEqual([
      ["a", false, true],
      ["b", true, true],
    ]);
    b.client.aheadMs = (FORGOTTEN_SECONDS + 60) * 1000;
    expect(await b.seen()).toEqual([]);
    expect(await Array.fromAsync(bucketAt(location).list("nodes/"))).toEqual([]);
    // One that lives after all is back with its next report.
    b.client.aheadMs = 0;
    await b.clock.advance(REPORT_EVERY_MS);
    expect(await b.seen()).toEqual([["b", true, false]]);
  });

  test("go on reporting after the object store was away, and stop without it", async () => {
    const { a, b, leaveB } = await two();
    b.client.trouble = () => "lost";
    for (let reports = 0; reports < 3; reports++) await b.clock.advance(REPORT_EVERY_MS);
    b.client.trouble = () => undefined;
    await bucketAt(b.client.location).remove("nodes/b");
    await b.clock.advance(REPORT_EVERY_MS);
    expect(await a.seen()).toContainEqual(["b", false, false]);
    b.client.trouble = () => "lost";
    await leaveB();
  });

  test("do not wait long for an object store that does not respond when they stop", async () => {
    const { b, leaveB } = await two();
    const waits = Promise.withResolvers<S3Response>();
    b.client.send = () => waits.promise;
    const hasLeft = leaveB();
    await b.clock.advance(2000);
    await hasLeft;
    waits.reject(new Error("the test is over"));
  });

  test("leave out what is no report", async () => {
    const { location, a } = await two();
    for (const [i, text] of ["", "{}", '{"format":1,"host":"x"}', "null"].entries())
      await bucketAt(location).put(`nodes/odd-${i}`, new Uint8Array(Buffer.from(text)));
    expect((await a.seen()).map(([name]) => name)).toEqual(["a", "b"]);
  });

  test("are behind for as long as they have not seen the end of a log, and see it with each report", async () => {
    const location = nextLocation();
    const moment = { monotonic: 0, wall: Date.now() };
    const open = async () => {
      const client = new TroubledClient(location);
      const options = {
        node: crypto.randomUUID(),
        localDir: temporaryDirectory(),
        clock: () => ({ ...moment }),
      };
      return { client, log: await StoreLog.open(client.bucket(), "app", options) };
    };
    const [a, b] = [await open(), await open()];
    await b.log.record([]);
    moment.monotonic = 30_000;
    expect([await secondsBehind([a.log]), a.log.last]).toEqual([0, 1]);
    a.client.trouble = () => "lost";
    moment.monotonic = 70_000;
    expect(await secondsBehind([a.log, b.log])).toBe(40);
    expect(await secondsBehind([])).toBe(0);
  });
});
