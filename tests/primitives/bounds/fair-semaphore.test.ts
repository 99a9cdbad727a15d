import { describe, expect, test } from "bun:test";
import { FairSemaphore } from "../../../src/primitives/bounds/fair-semaphore.ts";
import { OverloadedError } from "../../../src/primitives/bounds/semaphore.ts";

function start(options = { slots: 2, slotsOfOwner: 2, maxWaiting: 4 }) {
  const semaphore = new FairSemaphore(options);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const run = (owner: string) =>
    semaphore.run(owner, () => {
      begun.push(owner);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  /** Ends the oldest running operation. */
  const endOne = async () => {
    ends.shift()?.();
    await Bun.sleep(0);
  };
  return { run, begun, endOne };
}

describe("a fair semaphore", () => {
  test("gives turns to owners, however many operations one of them has", async () => {
    const { run, begun, endOne } = start();
    for (const owner of ["a", "a", "a", "a", "a", "b"]) void run(owner);
    expect(begun).toEqual(["a", "a"]);
    for (let round = 0; round < 4; round++) await endOne();
    expect(begun).toEqual(["a", "a", "a", "b", "a", "a"]);
  });

  test("keeps a slot from an owner with slow operations", async () => {
    const { run, begun, endOne } = start({ slots: 2, slotsOfOwner: 1, maxWaiting: 4 });
    for (const owner of ["a", "a", "b"]) void run(owner);
    expect(begun).toEqual(["a", "b"]);
    await endOne();
    expect(begun).toEqual(["a", "b", "a"]);
  });

  test("that is full refuses the owner with the most waiting operations, and whoever comes when all have one", async () => {
    const { run, begun, endOne } = start();
    const results = ["a", "a", "a", "a", "a", "a", "b", "c", "d"].map((owner) =>
      run(owner).then(
        () => `${owner} ran`,
        (error) => (error instanceof OverloadedError ? `${owner} refused` : String(error)),
      ),
    );
    expect(await Promise.all(results.slice(3, 6))).toEqual(["a refused", "a refused", "a refused"]);
    await expect(run("e")).rejects.toBeInstanceOf(OverloadedError);
    for (let round = 0; round < 6; round++) await endOne();
    expect(begun).toEqual(["a", "a", "a", "b", "c", "d"]);
    expect(await results[8]).toBe("d ran");
  });

  test("goes on after an operation that fails", async () => {
    const semaphore = new FairSemaphore({ slots: 1, slotsOfOwner: 1, maxWaiting: 1 });
    await expect(semaphore.run("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await semaphore.run("a", async () => 1)).toBe(1);
  });
});
