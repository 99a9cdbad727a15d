import { describe, expect, test } from "bun:test";
import { OverloadedError } from "../../../src/primitives/bounds/semaphore.ts";
import { ExpectedError } from "../../../src/primitives/expected-error.ts";
import { storageTroubleOf } from "../../../src/primitives/fs/storage-trouble.ts";
import { DamagedDatabaseError } from "../../../src/primitives/sqlite/database-damage.ts";
import { CallTimeoutError, ThreadEndedError } from "../../../src/primitives/threads/call-port.ts";
import { service } from "../../../src/primitives/threads/service.ts";
import { connectedPorts } from "../../support/connected-ports.ts";

interface Arithmetic {
  divide(a: number, b: number): Promise<number>;
  note(text: string): void;
}

const ARITHMETIC = service<Arithmetic>("arithmetic", { note: true });
const SCALED = service<Pick<Arithmetic, "divide">, [factor: number]>("scaled");

function connect(own: Partial<Arithmetic> = {}, maxPending?: number) {
  const failures: string[] = [];
  let messages = 0;
  const [here, there] = connectedPorts((call, error) => failures.push(`${call}: ${error}`), {
    ...(maxPending !== undefined && { maxPending }),
    onMessage: () => messages++,
  });
  there.serve(ARITHMETIC, () => ({
    divide: async (a, b) => a / b,
    note: () => undefined,
    ...own,
  }));
  there.serve(SCALED, (factor) => ({ divide: async (a, b) => (factor * a) / b }));
  return { here, far: here.remote(ARITHMETIC), failures, messages: () => messages };
}

/** What a call rejects with, if the other thread throws `thrown`. */
async function received(thrown: unknown): Promise<unknown> {
  const { far } = connect({ divide: () => Promise.reject(thrown) });
  return far.divide(1, 1).catch((error: unknown) => error);
}

const never = () => new Promise<never>(() => undefined);

describe("a call to another thread", () => {
  test("resolves with what the other thread's method returns, of the one that its key names", async () => {
    const { here, far } = connect();
    expect(await far.divide(6, 3)).toBe(2);
    expect(await here.remote(SCALED, 10).divide(6, 3)).toBe(20);
  });

  test("travels together with those of the same turn", async () => {
    const { far, messages } = connect();
    const results = await Promise.all([1, 2, 3, 4].map((n) => far.divide(n, 2)));
    expect(results).toEqual([0.5, 1, 1.5, 2]);
    expect(messages()).toBe(2);
  });

  test("of a method or a service that is not there rejects, and the port goes on", async () => {
    const { here, far } = connect();
    const nobody = here.remote(service<Pick<Arithmetic, "divide">>("nobody"));
    const wrong = here.remote(service<{ missing(): Promise<void> }>("arithmetic"));
    await expect(nobody.divide(1, 1)).rejects.toThrow("there is no nobody.divide to be called");
    await expect(wrong.missing()).rejects.toThrow("there is no arithmetic.missing to be called");
    expect(await far.divide(4, 2)).toBe(2);
  });

  test("rejects once the other thread has ended", async () => {
    const { here, far } = connect({ divide: never });
    const waiting = far.divide(1, 1);
    here.end();
    for (const call of [waiting, far.divide(1, 1)])
      expect(await call.catch((error) => error)).toBeInstanceOf(ThreadEndedError);
  });

  test("rejects alone if an argument or a result can't be cloned, and others of the same turn are made", async () => {
    const uncloneable = (() => undefined) as unknown as number;
    const { far, failures } = connect({ divide: async (a, b) => (b === 0 ? uncloneable : a / b) });
    const outcomes = [far.divide(uncloneable, 1), far.divide(6, 3), far.divide(1, 0), far.divide(8, 2)];
    far.note(uncloneable as unknown as string);
    const [argument, one, result, other] = await Promise.allSettled(outcomes);
    expect([argument?.status, result?.status]).toEqual(["rejected", "rejected"]);
    expect([one, other].map((outcome) => outcome?.status === "fulfilled" && outcome.value)).toEqual([2, 4]);
    expect(failures).toEqual([expect.stringContaining("arithmetic.note: DataCloneError")]);
  });

  test("with a time-out rejects after it, and an answer that comes later is dropped", async () => {
    const late = Promise.withResolvers<number>();
    const { here, far } = connect({ divide: (a) => (a === 1 ? late.promise : Promise.resolve(a)) });
    const error = await here
      .remoteWithin(1, ARITHMETIC)
      .divide(1, 1)
      .catch((reason) => reason);
    expect(error).toBeInstanceOf(CallTimeoutError);
    expect(error).toMatchObject({ message: "the call arithmetic.divide was not answered within 1 ms" });
    late.resolve(5);
    expect(await far.divide(2, 1)).toBe(2);
  });

  test("rejects at once when too many wait, and is made again when some have been answered", async () => {
    const first = Promise.withResolvers<number>();
    const { far } = connect({ divide: () => first.promise }, 2);
    const waiting = [far.divide(1, 1), far.divide(1, 1)];
    expect(await far.divide(1, 1).catch((error) => error)).toBeInstanceOf(OverloadedError);
    first.resolve(7);
    await Promise.all(waiting);
    expect(await far.divide(1, 1)).toBe(7);
  });
});

describe("a notice to another thread", () => {
  test("runs there in its turn, and what fails is reported there", async () => {
    const noted: string[] = [];
    const { far, failures } = connect({
      note(text) {
        noted.push(text);
        throw new Error("no paper");
      },
    });
    far.note("x");
    await far.divide(1, 1);
    expect([noted, failures]).toEqual([["x"], ["arithmetic.note: Error: no paper"]]);
  });

  test("to a thread that has ended is dropped", async () => {
    const { here, far } = connect();
    here.end();
    expect(far.note("x")).toBeUndefined();
  });
});

describe("an error on its way to another thread", () => {
  test("keeps its name, message and the stack of where it was thrown", async () => {
    const thrown = new RangeError("division by zero");
    const error = await received(thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "RangeError", message: "division by zero", stack: thrown.stack });
  });

  test("keeps its class and fields if both threads know the class", async () => {
    const error = await received(new DamagedDatabaseError("/data/index.sqlite", "a row is wrong"));
    expect(error).toBeInstanceOf(DamagedDatabaseError);
    expect(error).toMatchObject({ path: "/data/index.sqlite", reason: "a row is wrong" });
  });

  test("of a class that only one thread knows is of the nearest that both know", async () => {
    class TooLate extends ExpectedError {}
    const error = await received(new TooLate("come back tomorrow"));
    expect(error).toBeInstanceOf(ExpectedError);
    expect(error).toMatchObject({ message: "come back tomorrow" });
  });

  test("still tells a full disk, also as the cause of another error", async () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    expect(storageTroubleOf(await received(full))).toBe("no-room");
    expect(storageTroubleOf(await received(new Error("no commit", { cause: full })))).toBe("no-room");
  });

  test("is an error even if what was thrown is none", async () => {
    expect(await received("a text")).toMatchObject({ message: "a text" });
  });
});
