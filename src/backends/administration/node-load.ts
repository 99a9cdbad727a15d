import type { NodeState } from "../../primitives/store/engine/nodes.ts";
import type { TrafficTotals } from "./status.ts";

/** Totals since the start at one moment. */
interface Totals {
  /** Of a monotonic clock, in seconds. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly requests: number;
}

type Load = Pick<NodeState, "cpu" | "memoryBytes" | "requestsPerSecond" | "requestsUnderWay">;

/** How much this process has to do, on an average over the last seconds. */
export class NodeLoad {
  readonly #traffic: { totals(): TrafficTotals };
  #before: Totals;
  #latest: Totals;

  constructor(traffic: { totals(): TrafficTotals }) {
    this.#traffic = traffic;
    this.#before = this.#latest = this.#totals();
  }

  /** To be called every few seconds: averages begin at the call before the last one. */
  sample(): void {
    this.#before = this.#latest;
    this.#latest = this.#totals();
  }

  now(): Load {
    const { seconds, cpuSeconds, requests } = this.#totals();
    const passed = Math.max(seconds - this.#before.seconds, 0.001);
    const rate = (count: number) => Math.round((count / passed) * 100) / 100;
    return {
      cpu: rate(cpuSeconds - this.#before.cpuSeconds),
      memoryBytes: process.memoryUsage.rss(),
      requestsPerSecond: rate(requests - this.#before.requests),
      requestsUnderWay: this.#traffic.totals().underWay,
    };
  }

  #totals(): Totals {
    const { user, system } = process.cpuUsage();
    return {
      seconds: performance.now() / 1000,
      cpuSeconds: (user + system) / 1e6,
      requests: this.#traffic.totals().requests,
    };
  }
}
