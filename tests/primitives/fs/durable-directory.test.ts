import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const THREADS = 2;
const ROUNDS = 30;

test("directories with the same missing parents are made by several threads at once", async () => {
  const dir = temporaryDirectory();
  const turns = new Int32Array(new SharedArrayBuffer(4 * ROUNDS));
  const program = `
    import { makeDirectory } from ${JSON.stringify(import.meta.resolve("../../../src/primitives/fs/durable-directory.ts"))};
    self.onmessage = ({ data: { turns, n } }) => {
      let failure;
      for (let round = 0; round < turns.length; round++) {
        Atomics.add(turns, round, 1);
        while (Atomics.load(turns, round) < ${THREADS});
        try { makeDirectory(${JSON.stringify(dir)} + "/" + round + "/parent/" + n, 0o700); } catch (error) { failure ??= String(error); }
      }
      postMessage(failure ?? "done");
    };`;
  const url = URL.createObjectURL(new Blob([program], { type: "application/typescript" }));
  const outcomes = Array.from({ length: THREADS }, async (_, n) => {
    const worker = new Worker(url);
    const outcome = await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => resolve(message);
      worker.postMessage({ turns, n });
    });
    worker.terminate();
    return outcome;
  });
  expect(await Promise.all(outcomes)).toEqual(Array(THREADS).fill("done"));
  expect(statSync(`${dir}/${ROUNDS - 1}/parent/0`).mode & 0o777).toBe(0o700);
});
