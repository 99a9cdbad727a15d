import { describe, expect, test } from "bun:test";
import {
  type Lease,
  type LeaseName,
  type LeaseOutcome,
  type Leases,
  parseLeaseName,
} from "../../../../src/primitives/store/engine/leases.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import type { FailingNode, LeasesUnderTest } from "./leases-under-test.ts";

export function leaseName(text: string): LeaseName {
  const name = parseLeaseName(text);
  if (!name) throw new Error(`'${text}' names no lease`);
  return name;
}

const [CLEANUP, MERGE] = [leaseName("clean-up"), leaseName("merge")];

/** The lease, which is released after the test if it is held. */
function leaseOf(outcome: LeaseOutcome): Lease {
  if (outcome.kind === "held") throw new Error(`the lease is held by ${outcome.by}`);
  const { lease } = outcome;
  afterThisTest(() => lease.release());
  return lease;
}

async function acquire(leases: Leases, name = CLEANUP, holder = "node 1"): Promise<Lease> {
  return leaseOf(await leases.acquire(name, holder));
}

interface EngineWithLeases {
  readonly name: string;
  /** Whether several nodes may use a storage at once. */
  readonly hasNodes: boolean;
  create(): { readonly leases: LeasesUnderTest };
}

export function describeLeases({ name, hasNodes, create }: EngineWithLeases): void {
  /** Two holders over one storage. */
  async function two() {
    const { leases } = create();
    const [first, second] = [await leases.openNode().openLeases(), await leases.openNode().openLeases()];
    return { ...leases, first, second };
  }

  describe(`leases of the engine '${name}'`, () => {
    test("are held by one at a time, and whoever is refused is told by whom", async () => {
      const { first, second } = await two();
      const lease = await acquire(first);
      const refused = { kind: "held", by: "node 1" } as const;
      expect(await second.acquire(CLEANUP, "node 2")).toEqual(refused);
      expect(await first.acquire(CLEANUP, "node 1")).toEqual(refused);
      expect([lease.name, lease.isHeld(), lease.lost.aborted]).toEqual([CLEANUP, true, false]);
    });

    test("are free once they were released, and the next holder is not hurt by a second release", async () => {
      const { first, second } = await two();
      const lease = await acquire(first);
      await lease.release();
      expect([lease.isHeld(), lease.lost.aborted]).toEqual([false, false]);
      const next = await acquire(second, CLEANUP, "node 2");
      await lease.release();
      expect(next.isHeld()).toBe(true);
      expect(await first.acquire(CLEANUP, "node 1")).toEqual({ kind: "held", by: "node 2" });
    });

    test("of different names are held apart from each other", async () => {
      const { first, second } = await two();
      const cleanup = await acquire(first, CLEANUP);
      const merge = await acquire(second, MERGE);
      await cleanup.release();
      expect([cleanup.isHeld(), merge.isHeld()]).toEqual([false, true]);
      expect((await first.acquire(MERGE, "node 1")).kind).toBe("held");
    });

    test("are acquired by exactly one of many who try at the same moment, each time", async () => {
      const { openNode } = create().leases;
      const nodes = await Promise.all(Array.from({ length: 8 }, () => openNode().openLeases()));
      for (let round = 0; round < 5; round++) {
        const outcomes = await Promise.all(nodes.map((node, i) => node.acquire(CLEANUP, `node ${i}`)));
        const won = outcomes.filter(({ kind }) => kind === "acquired").map(leaseOf);
        expect(won).toHaveLength(1);
        await won[0]?.release();
      }
    });

    test("stay with a holder that lives, for longer than a term", async () => {
      const { first, second, passTerm } = await two();
      const lease = await acquire(first);
      for (let terms = 0; terms < 3; terms++) {
        expect((await second.acquire(CLEANUP, "node 2")).kind).toBe("held");
        await passTerm();
      }
      expect((await second.acquire(CLEANUP, "node 2")).kind).toBe("held");
      expect([lease.isHeld(), lease.lost.aborted]).toEqual([true, false]);
    });

    test("are free again after their holder was killed", async () => {
      const { first, acquireAndKill, passTerm } = await two();
      await acquireAndKill(CLEANUP, "killed");
      // A node that sees a lease for the first time waits for a term, as far as leases have one.
      const early = await first.acquire(CLEANUP, "node 1");
      if (early.kind === "acquired") await early.lease.release();
      else expect(early.by).toBe("killed");
      await passTerm();
      expect((await acquire(first)).isHeld()).toBe(true);
    });

    if (hasNodes) describeTerms(create);
  });
}

/** Only where a storage has several nodes: there, nobody can tell a node that was killed from one that hangs. */
function describeTerms(create: EngineWithLeases["create"]): void {
  /** A lease whose holder fails, and what another node sees until it acquires the lease. */
  async function failing(fail: (node: FailingNode) => void) {
    const { openFailingNode, openNode, passTerm } = create().leases;
    if (!openFailingNode) throw new Error("no node can fail");
    const node = openFailingNode();
    const lease = await acquire(await node.engine.openLeases());
    const other = await openNode().openLeases();
    // The other node sees each renewal soon after it was made.
    await passTerm(async () => {
      expect((await other.acquire(CLEANUP, "node 2")).kind).toBe("held");
    });
    fail(node);
    let next: Lease | undefined;
    const untilNext = async (look: () => void) => {
      for (let terms = 0; terms < 2; terms++)
        await passTerm(async () => {
          if (next) return;
          const outcome = await other.acquire(CLEANUP, "node 2");
          if (outcome.kind === "acquired") next = leaseOf(outcome);
          if (next) look();
        });
      if (!next) throw new Error("the lease did not become free");
      return next;
    };
    return { lease, other, untilNext };
  }

  test("are lost by a holder that can't renew them, and it is told before another acquires them", async () => {
    const { lease, other, untilNext } = await failing((node) => node.cutOff());
    expect((await other.acquire(CLEANUP, "node 2")).kind).toBe("held");
    expect([lease.lost.aborted, lease.isHeld()]).toEqual([false, true]);
    const next = await untilNext(() => expect(lease.lost.aborted).toBe(true));
    expect([lease.isHeld(), next.isHeld()]).toEqual([false, true]);
  });

  test("are lost by a holder that hangs, and its clock says so before another acquires them", async () => {
    const { lease, untilNext } = await failing((node) => node.hang());
    const next = await untilNext(() => expect([lease.isHeld(), lease.lost.aborted]).toEqual([false, true]));
    await lease.release();
    expect(next.isHeld()).toBe(true);
  });
}
