import type { StorageEngine } from "../../../../src/primitives/store/engine/engine.ts";
import type { LeaseName } from "../../../../src/primitives/store/engine/leases.ts";
import { ManualClock } from "../../../support/memory-engine/manual-clock.ts";

export type LeaseEngine = Pick<StorageEngine, "openLeases">;

/** A node that can fail to keep its leases. */
export interface FailingNode {
  readonly engine: LeaseEngine;
  /** From now on its process hangs: its clock goes on, but no timer runs. */
  hang(): void;
  /** From now on it can't reach the storage. */
  cutOff(): void;
}

/** What the contract of leases does with a storage. */
export interface LeasesUnderTest {
  /** The engine of another node; where a storage has only one, another engine of it. */
  openNode(): LeaseEngine;
  /** Only where leases have a term: elsewhere, a process that lives keeps them. */
  readonly openFailingNode?: () => FailingNode;
  /** A process acquires the lease and is killed while it holds it. */
  acquireAndKill(name: LeaseName, holder: string): Promise<void>;
  /**
   * Lets the term of a lease pass on all nodes, and calls `step` many times meanwhile; does nothing where leases have no
   * term.
   */
  passTerm(step?: () => Promise<void>): Promise<void>;
}

/** How many steps a term has. */
const STEPS = 30;
/** How much less time the clock of a slow node counts. */
const SLOWER_BY = 1 / 20;

/** Leases of nodes with a clock each, which show different times. A node that can fail has a slow clock as well. */
export function leasesWithTerm(
  termMs: number,
  open: (clock: ManualClock) => { readonly engine: LeaseEngine; cutOff(): void },
): LeasesUnderTest {
  const stepMs = termMs / STEPS;
  const passes: (() => Promise<void>)[] = [];
  const newClock = () => new ManualClock(passes.length * 1_000_000);
  const openNode = () => {
    const clock = newClock();
    passes.push(() => clock.advance(stepMs));
    return open(clock).engine;
  };
  const openFailingNode = () => {
    const clock = newClock();
    const ms = stepMs * (1 - SLOWER_BY);
    let hangs = false;
    passes.push(async () => (hangs ? clock.hang(ms) : await clock.advance(ms)));
    const hang = () => {
      hangs = true;
    };
    return { ...open(clock), hang };
  };
  return {
    openNode,
    openFailingNode,
    acquireAndKill: async (name, holder) => {
      // The clock of a killed node runs no timer any more.
      const leases = await open(new ManualClock()).engine.openLeases();
      const { kind } = await leases.acquire(name, holder);
      if (kind === "held") throw new Error("the lease was not acquired");
    },
    passTerm: async (step = async () => undefined) => {
      for (let steps = 0; steps < STEPS; steps++) {
        await Promise.all(passes.map((pass) => pass()));
        await step();
      }
    },
  };
}
