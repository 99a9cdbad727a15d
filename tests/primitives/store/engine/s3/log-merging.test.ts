import { expect, test } from "bun:test";
import { LogMerging } from "../../../../../src/primitives/store/engine/s3/log-merging.ts";
import { afterThisTest } from "../../../../support/cleanup.ts";
import { eventually } from "../../../../support/eventually.ts";
import { type LeaseRecords, MemoryLeases } from "../../../../support/memory-engine/memory-leases.ts";

/** The log of a store on two nodes, which is due until it was merged; each merge takes some turns. */
function onTwoNodes(merge: (step: () => void) => Promise<void>) {
  const records: LeaseRecords = new Map();
  const errors: string[] = [];
  const counts = { merges: 0, underWay: 0, most: 0 };
  const log = {
    get isMergeDue() {
      return counts.merges < 5;
    },
    merge: async (step: () => void = () => undefined) => {
      counts.underWay++;
      counts.most = Math.max(counts.most, counts.underWay);
      try {
        await merge(step);
        counts.merges++;
      } finally {
        counts.underWay--;
      }
      return { merged: 1, deleted: 0 };
    },
  };
  const logger = {
    info: () => undefined,
    warn: () => undefined,
    error: (message: string) => void errors.push(message),
  };
  const nodes = ["here", "there"].map(
    (node) =>
      new LogMerging({
        log,
        leases: new MemoryLeases(records),
        store: "test",
        node,
        logger,
        copies: { areDue: () => counts.merges < 5, save: async () => undefined },
        everyMs: 1,
      }),
  );
  afterThisTest(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });
  return { nodes, counts, errors };
}

test("a log that is due is merged, by one node at a time", async () => {
  const { counts, errors } = onTwoNodes(() => Bun.sleep(5));
  expect(await eventually(() => counts.merges >= 5)).toBe(true);
  expect([counts.most, errors]).toEqual([1, []]);
});

test("a node that stops ends its merge at the next step", async () => {
  const { nodes, counts, errors } = onTwoNodes(async (step) => {
    for (;;) {
      step();
      await Bun.sleep(1);
    }
  });
  await eventually(() => counts.underWay === 1);
  await Promise.all(nodes.map((node) => node.stop()));
  expect([counts.underWay, errors]).toEqual([0, []]);
});

test("a merge that fails is said in the log, and tried again", async () => {
  let failures = 0;
  const { counts, errors } = onTwoNodes(async () => {
    if (++failures === 1) throw new Error("broken");
  });
  expect(await eventually(() => counts.merges >= 5)).toBe(true);
  expect(errors).toEqual(["the log of the store 'test' could not be merged"]);
});

test("a log is merged until no more is due, and copies that are due are made also without a merge", async () => {
  const done: string[] = [];
  let [due, copies] = [3, 1];
  const log = {
    get isMergeDue() {
      return due > 0;
    },
    merge: async () => {
      done.push("merge");
      due--;
      return { merged: 1, deleted: 0 };
    },
  };
  const merging = new LogMerging({
    log,
    leases: new MemoryLeases(new Map()),
    store: "test",
    node: "here",
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    copies: {
      areDue: () => copies > 0,
      save: async () => {
        if (due > 0) return;
        done.push("copy");
        copies--;
      },
    },
    everyMs: 1,
  });
  afterThisTest(() => merging.stop());
  expect(await eventually(() => copies <= 0)).toBe(true);
  expect(done.slice(0, 3)).toEqual(["merge", "merge", "merge"]);
  copies = 1;
  const before = done.length;
  expect(await eventually(() => done.length > before)).toBe(true);
  expect(done.slice(before)).not.toContain("merge");
});
