import { describe, expect, test } from "bun:test";
import { CallPort, ThreadEndedError } from "../../../src/primitives/threads/call-port.ts";

interface Arithmetic {
  divide(a: number, b: number): Promise<number>;
  note(text: string): void;
}

interface Nothing {
  readonly nothing: () => void;
}

function connect(own: Arithmetic, failures: string[] = []) {
  let messages = 0;
  const post = (to: () => { receive(items: readonly never[]): void }) => (items: readonly unknown[]) => {
    messages++;
    setTimeout(() => to().receive(structuredClone(items) as never[]), 0);
  };
  const here: CallPort<Nothing, Arithmetic> = new CallPort(
    { nothing: () => undefined },
    post(() => there),
    () => undefined,
  );
  const there: CallPort<Arithmetic, Nothing> = new CallPort<Arithmetic, Nothing>(
    own,
    post(() => here),
    (name, error) => failures.push(`${name}: ${error}`),
  );
  return { here, messages: () => messages };
}

const ARITHMETIC: Arithmetic = {
  async divide(a, b) {
    if (b === 0) throw new RangeError("division by zero");
    return a / b;
  },
  note() {
    throw new Error("no paper");
  },
};

describe("a call to another thread", () => {
  test("is answered with its value or fails with its error", async () => {
    const { here } = connect(ARITHMETIC);
    expect(await here.call("divide", 6, 3)).toBe(2);
    expect(await here.call("divide", 6, 0).catch((error) => error)).toEqual(
      new RangeError("division by zero"),
    );
  });

  test("that fails on the disk keeps the code that tells how", async () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    const { here } = connect({ ...ARITHMETIC, divide: () => Promise.reject(full) });
    const error = await here.call("divide", 1, 1).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ENOSPC", message: full.message });
  });

  test("travels together with those of the same moment", async () => {
    const { here, messages } = connect(ARITHMETIC);
    const answers = await Promise.all([1, 2, 3, 4].map((n) => here.call("divide", n, 2)));
    expect(answers).toEqual([0.5, 1, 1.5, 2]);
    expect(messages()).toBe(2);
  });

  test("that nobody waits for is reported if it fails", async () => {
    const failures: string[] = [];
    const { here } = connect(ARITHMETIC, failures);
    here.tell("note", "x");
    await here.call("divide", 1, 1);
    expect(failures).toEqual(["note: Error: no paper"]);
  });

  test("fails once the other thread has ended", async () => {
    const { here } = connect({ ...ARITHMETIC, divide: () => new Promise(() => undefined) });
    const waiting = here.call("divide", 1, 1);
    here.end();
    for (const call of [waiting, here.call("divide", 1, 1)])
      expect(await call.catch((error) => error)).toBeInstanceOf(ThreadEndedError);
  });
});
