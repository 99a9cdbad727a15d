import { describe, expect, test } from "bun:test";
import { type Job, JobRunner } from "../../../src/primitives/jobs/job-runner.ts";
import { consoleLogger } from "../../../src/primitives/logging/logger.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";

function runnerOf(job: Partial<Job>, log = consoleLogger): JobRunner {
  const runner = new JobRunner(
    [{ name: "sweep", summary: "sweeps", everyMs: undefined, run: async () => ["swept"], ...job }],
    log,
  );
  afterThisTest(() => runner.close());
  return runner;
}

const errorOf = (work: Promise<unknown>) => work.then(() => undefined).catch((error: Error) => error.message);

describe("a job", () => {
  test("runs on request and shows its progress and its outcome", async () => {
    const go = Promise.withResolvers<void>();
    const runner = runnerOf({
      run: async ({ progress }) => {
        progress("half of it");
        await go.promise;
        return ["swept"];
      },
    });
    const heard: string[] = [];
    const run = runner.run("sweep", { isDryRun: false }, (text) => heard.push(text));
    expect(runner.list()[0]?.running?.progress).toBe("half of it");
    go.resolve();
    expect(await run).toEqual(["swept"]);
    expect(heard).toEqual(["half of it"]);
    expect(runner.list()[0]).toMatchObject({
      running: undefined,
      last: { outcome: "swept" },
      runs: { done: 1 },
    });
  });

  test("in a dry run counts as no run and delays none", async () => {
    const runner = runnerOf({
      everyMs: 60_000,
      run: async ({ isDryRun }) => [isDryRun ? "would sweep" : "swept"],
    });
    const before = runner.list();
    expect(await runner.run("sweep", { isDryRun: true })).toEqual(["would sweep"]);
    expect(runner.list()).toEqual(before);
    expect(await runner.run("sweep", { isDryRun: false })).toEqual(["swept"]);
    expect(runner.list()[0]?.runs.done).toBe(1);
  });

  test("that is due during a dry run runs after it", async () => {
    const go = Promise.withResolvers<void>();
    const runs: boolean[] = [];
    const runner = runnerOf({
      everyMs: 5,
      run: async ({ isDryRun }) => {
        runs.push(isDryRun);
        if (isDryRun) await go.promise;
        return ["swept"];
      },
    });
    const dry = runner.run("sweep", { isDryRun: true });
    await Bun.sleep(20);
    expect(runs).toEqual([true]);
    go.resolve();
    await dry;
    expect(await eventually(() => runs.includes(false))).toBe(true);
  });

  test("runs only once at a time, and can be cancelled", async () => {
    const runner = runnerOf({
      run: async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return ["swept a part"];
      },
    });
    const run = runner.run("sweep", { isDryRun: false });
    expect(await errorOf(runner.run("sweep", { isDryRun: false }))).toMatch(
      /^the job 'sweep' is already running, since \d\d:\d\d:\d\d UTC; '\/jobs cancel sweep' cancels it$/,
    );
    await runner.cancel("sweep");
    expect(await run).toEqual(["swept a part", "cancelled"]);
    expect(runner.list()[0]?.last?.outcome).toBe("cancelled");
    expect(await errorOf(runner.cancel("sweep"))).toBe("the job 'sweep' is not running");
    expect(await errorOf(runner.run("dust", { isDryRun: false }))).toBe("no job 'dust'; there are sweep");
  });

  test("runs repeatedly on its schedule, also after a failure, which is logged", async () => {
    let runs = 0;
    const logged: string[] = [];
    const runner = runnerOf(
      {
        everyMs: 5,
        run: async () => {
          runs++;
          throw new Error("no broom");
        },
      },
      { ...consoleLogger, error: (message, cause) => void logged.push(`${message}: ${cause}`) },
    );
    expect(await eventually(() => runs >= 3)).toBe(true);
    await runner.close();
    expect(logged[0]).toBe("the job 'sweep' failed: Error: no broom");
    expect(runner.list()[0]?.last?.outcome).toBe("failed: internal error; the server's log has the cause");
  });
});

test("a job that is cancelled while it waits for its turn counts as cancelled, not as failed", async () => {
  const runner = runnerOf({
    run: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const run = runner.run("sweep", { isDryRun: false });
  await runner.cancel("sweep");
  expect(await run).toEqual(["cancelled"]);
  expect(runner.list()[0]).toMatchObject({
    last: { outcome: "cancelled" },
    runs: { cancelled: 1, failed: 0 },
  });
});
