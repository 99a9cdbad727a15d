import { expect, test } from "bun:test";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { residentMiB } from "../support/memory.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

const LOGINS = 10_000;
const CONNECTIONS = 50;
const USERS = 12;
const MAX_MEMORY_MIB = 300;

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

describeWith(["ssh", "sshpass"], "ten thousand wrong logins from fifty connections", () => {
  test("are all refused, need little memory and do not keep other users from pulling", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const alice = new RegistryClient(server.httpPort, "app");
    await alice.pushImage("v1");
    const pullsUntil = async (isOver: () => boolean) => {
      const times: number[] = [];
      do {
        const began = performance.now();
        await alice.verifyImage("v1");
        times.push(performance.now() - began);
        await Bun.sleep(5);
      } while (!isOver());
      return times;
    };
    let quiet = 200;
    const before = await pullsUntil(() => --quiet === 0);

    let sent = 0;
    let peak = 0;
    const statuses = new Map<number, number>();
    const connections = Array.from({ length: CONNECTIONS }, async () => {
      while (sent < LOGINS) {
        const user = ["admin", "bob"][sent] ?? `user${sent % USERS}`;
        const headers = { Host: "localhost", Authorization: `Basic ${btoa(`${user}:wrong-${sent++}`)}` };
        const { status, body } = await fetch(`http://127.0.0.1:${server.httpPort}/v2/`, { headers });
        await body?.cancel();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (sent % 20 === 0) peak = Math.max(peak, residentMiB(server));
      }
    });
    let isOver = false;
    const attack = Promise.all(connections).finally(() => {
      isOver = true;
    });
    const during = await pullsUntil(() => isOver);
    await attack;
    expect([...statuses.keys()].toSorted()).toEqual([401, 429]);
    expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(LOGINS);
    expect(peak).toBeLessThan(MAX_MEMORY_MIB * server.nodes.length);
    console.log(
      `a pull took ${median(before).toFixed(1)} ms before and ${median(during).toFixed(1)} ms meanwhile; ${peak.toFixed(0)} MiB at most`,
    );
    await alice.verifyImage("v1");
  }, 60_000);
});
