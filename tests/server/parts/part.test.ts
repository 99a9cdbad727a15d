import { expect, test } from "bun:test";
import { EndRequested, Lifetime } from "../../../src/server/lifetime.ts";
import { definePart, type Part, StartedParts } from "../../../src/server/parts/part.ts";

interface Context {
  readonly events: string[];
}

type AnyPart = Part<unknown, Context>;

/** A part that notes its start and stop, and provides its name. */
function part(
  name: string,
  needs: readonly AnyPart[] = [],
  options: {
    readonly stopsAfter?: readonly AnyPart[];
    readonly stopsBeside?: readonly AnyPart[];
    readonly onStart?: () => void;
    readonly onStop?: () => void | Promise<void>;
  } = {},
): Part<string, Context> {
  const { onStart, onStop, ...order } = options;
  return definePart({
    name,
    needs: Object.fromEntries(needs.map((other) => [other.name, other])),
    ...order,
    start(needed, { events }: Context) {
      onStart?.();
      const given = Object.values(needed).join(" ");
      events.push(given === "" ? `+${name}` : `+${name}(${given})`);
      stops.set(name, () => void events.push(`-${name}`));
      return name;
    },
    stop: async (value) => {
      await onStop?.();
      stops.get(value)?.();
    },
  });
}

const stops = new Map<string, () => void>();

function run(lifetime = new Lifetime()) {
  const events: string[] = [];
  const error = (message: string, cause: unknown) => void events.push(`${message}: ${cause}`);
  const log = { info: () => undefined, warn: () => undefined, error };
  return {
    events,
    lifetime,
    parts: new StartedParts<Context>({ events }, lifetime),
    end: () => lifetime.end(log),
  };
}

test("parts start after what they need, which is handed to them, and stop before it", async () => {
  const store = part("store");
  const users = part("users", [store]);
  const http = part("http", [users, store]);
  const { parts, events, end } = run();
  await parts.start([http]);
  expect(events).toEqual(["+store", "+users(store)", "+http(users store)"]);
  expect([parts.value(http), parts.find(users)]).toEqual(["http", "users"]);
  await end();
  expect(events.slice(3)).toEqual(["-http", "-users", "-store"]);
});

test("parts that do not need each other stop at the same time, and what both need after both", async () => {
  const gate = Promise.withResolvers<void>();
  const store = part("store");
  const http = part("http", [store], { onStop: () => gate.promise });
  const ssh = part("ssh", [store], { onStop: () => gate.resolve() });
  const { parts, events, end } = run();
  await parts.start([http, ssh]);
  await end();
  expect(events.slice(3).toSorted()).toEqual(["-http", "-ssh", "-store"]);
  expect(events.at(-1)).toBe("-store");
});

test("a part that stops beside what it needs holds it up in no way", async () => {
  const gate = Promise.withResolvers<void>();
  const jobs = part("jobs", [], { onStop: () => gate.resolve() });
  const control = part("control", [jobs], { stopsBeside: [jobs], onStop: () => gate.promise });
  const { parts, events, end } = run();
  await parts.start([control]);
  await end();
  expect(events.slice(2).toSorted()).toEqual(["-control", "-jobs"]);
});

test("a part that is to stop after others does so, also after what it needs", async () => {
  const jobs = part("jobs");
  const http = part("http");
  const ops = part("ops", [jobs], { stopsAfter: [jobs, http] });
  const { parts, events, end } = run();
  await parts.start([ops, http]);
  expect(events).toEqual(["+jobs", "+ops(jobs)", "+http"]);
  await end();
  expect(events.at(-1)).toBe("-ops");
});

test("a failure in the middle of a start leaves only what was started, to be stopped", async () => {
  const store = part("store");
  const users = part("users", [store]);
  const http = part("http", [users], {
    onStart: () => {
      throw new Error("the port is in use");
    },
  });
  const ssh = part("ssh", [users]);
  const { parts, events, end } = run();
  await expect(parts.start([http, ssh])).rejects.toThrow("the port is in use");
  expect(parts.find(http)).toBeUndefined();
  expect(() => parts.value(http)).toThrow("http has not started");
  await end();
  expect(events).toEqual(["+store", "+users(store)", "-users", "-store"]);
});

test("the request for the end in the middle of a start keeps later parts from starting", async () => {
  const { parts, events, lifetime, end } = run();
  const store = part("store", [], { onStart: () => lifetime.requestEnd() });
  const users = part("users", [store]);
  await expect(parts.start([users])).rejects.toBeInstanceOf(EndRequested);
  await end();
  expect(events).toEqual(["+store", "-store"]);
});

test("a stop tells which part hangs, and which has failed while the others go on", async () => {
  const hanging = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const store = part("store");
  const http = part("http", [store], {
    onStop: () => {
      throw new Error("broken");
    },
  });
  const ssh = part("ssh", [store], {
    onStop: () => {
      reached.resolve();
      return hanging.promise;
    },
  });
  const { parts, events, lifetime, end } = run();
  await parts.start([http, ssh]);
  const ended = end();
  await reached.promise;
  expect(lifetime.running).toContain("ssh");
  hanging.resolve();
  await ended;
  expect(events.slice(3).toSorted()).toEqual(["-ssh", "-store", "http could not be ended: Error: broken"]);
});

test("parts that would wait for each other to stop are refused before any starts", async () => {
  const before: AnyPart[] = [];
  const http = part("http", [], { stopsAfter: before });
  const ssh = part("ssh", [], { stopsAfter: [http] });
  before.push(ssh);
  const { parts, events } = run();
  await expect(parts.start([http, ssh])).rejects.toThrow("parts wait for each other: http, ssh, http");
  expect(events).toEqual([]);
});
