import { expect, test } from "bun:test";
import { ConnectionGuard } from "../../../../src/frontends/http/listen/connection-guard.ts";
import type { OpenSocket } from "../../../../src/primitives/net/open-sockets.ts";

const PORT = 8080;

/** A guard over connections that a test opens, with its own clock. */
function guarded(options: { limit?: number; proxy?: string; perNetwork?: number } = {}) {
  const { limit = 8192, proxy, perNetwork = 10 } = options;
  const idle = new Map<number, number>();
  let sockets: OpenSocket[] = [];
  let looks = 0;
  let now = 0;
  let waiting: number | undefined;
  const counts = { open: 0, closed: 0 };
  const logged: string[] = [];
  const line = (message: string) => void logged.push(message);
  const guard = new ConnectionGuard({
    sockets: {
      limit,
      limitWaiting: (_, count) => {
        waiting = count;
      },
      areAtLeast: (count) => sockets.length >= count,
      list: () => {
        looks++;
        return sockets;
      },
      idleMs: ({ fd }) => idle.get(fd) ?? 0,
      end: ({ fd }) => {
        sockets = sockets.filter((socket) => socket.fd !== fd);
      },
    },
    ports: new Set([PORT]),
    perNetwork,
    isProxy: (address) => address === proxy,
    counts: {
      connectionsOpen: (count) => {
        counts.open = count;
      },
      connectionsClosed: (count) => {
        counts.closed += count;
      },
    },
    log: { info: line, warn: line, error: line },
    now: () => now,
  });
  let fd = 100;
  return {
    guard,
    logged,
    counts,
    looks: () => looks,
    waiting: () => waiting,
    open: () => sockets.map(({ fd }) => fd),
    /** The latest is the least idle. */
    connect: (address: string, count: number) => {
      for (let i = 0; i < count; i++) {
        sockets.push({ fd: ++fd, address, port: fd });
        idle.set(fd, 1_000_000 - fd);
      }
    },
    after: (ms: number) => {
      now += ms;
      guard.tick();
    },
  };
}

test("the longest idle connections of an address with too many are closed, counted and logged", () => {
  const { connect, after, open, counts, logged } = guarded();
  connect("192.0.2.1", 25);
  connect("192.0.2.2", 5);
  after(0);
  expect(open()).toEqual([...Array.from({ length: 10 }, (_, i) => 116 + i), 126, 127, 128, 129, 130]);
  expect(counts).toEqual({ open: 15, closed: 15 });
  expect(logged).toEqual([
    "closed 15 HTTP connections, most of them from 192.0.2.1: the limit is 10 for one address (--limit-connections) and 3584 in total",
  ]);
});

test("closed connections are logged at most once a minute", () => {
  const { connect, after, logged, counts } = guarded();
  for (let second = 0; second < 60; second++) {
    connect("192.0.2.1", 20);
    after(1000);
  }
  expect(logged).toHaveLength(1);
  connect("192.0.2.1", 20);
  after(1000);
  expect(counts.closed).toBe(61 * 20 - 10);
  expect(logged).toHaveLength(2);
  expect(logged[1]).toStartWith(`closed ${60 * 20} HTTP connections`);
});

test("connections are scanned once a second, and at once when very many files are open", () => {
  const { connect, after, looks } = guarded({ limit: 8192, perNetwork: 10_000 });
  after(0);
  for (let i = 0; i < 9; i++) after(100);
  expect(looks()).toBe(1);
  after(100);
  expect(looks()).toBe(2);
  connect("192.0.2.1", 5000);
  after(100);
  expect(looks()).toBe(3);
});

test("a trusted proxy may have more connections than one client", () => {
  const { connect, after, open } = guarded({ proxy: "192.0.2.1" });
  connect("192.0.2.1", 200);
  after(0);
  expect(open()).toHaveLength(200);
});

test("a low limit on open files limits the backlog of each listener", () => {
  const few = guarded({ limit: 1024 });
  few.after(0);
  expect(few.waiting()).toBe(36);
  const many = guarded({ limit: 4096 });
  many.after(0);
  expect(many.waiting()).toBeUndefined();
});

test("a low limit on open files is logged as a warning", () => {
  expect(guarded({ limit: 1024, perNetwork: 100 }).logged).toEqual([
    "the limit on open files is only 1024, so HTTP serves at most 448 connections, 100 from one address; raise it (ulimit -n)",
  ]);
  expect(guarded({ limit: 4096 }).logged).toEqual([]);
});
