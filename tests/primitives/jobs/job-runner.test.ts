import { describe, expect, test } from "bun:test";
import { IncompleteJobError, type Job, JobRunner } from "../../../src/primitives/jobs/job-runner.ts";
import { consoleLogger } from "../../../src/primitives/logging/logger.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";

const swept = (summary: string, subject = "floor", details: readonly string[] = []) => ({
  subject,
  summary,
  details,
});

function runnerOf(job: Partial<Job>, log = consoleLogger): JobRunner {
  const runner = new JobRunner(
    [
      {
        name: "sweep",
        summary: "sweeps",
        everyMs: undefined,
        run: async ({ report }) => report(swept("swept")),
        ...job,
      },
    ],
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
      run: async ({ progress, report }) => {
        progress("half of it");
        await go.promise;
        report(swept("swept"));
      },
    });
    const heard: string[] = [];
    const run = runner.run("sweep", { isDryRun: false }, (text) => heard.push(text));
    expect(runner.list()[0]?.running?.progress).toBe("half of it");
    go.resolve();
    expect(await run).toEqual(["floor: swept"]);
    expect(heard).toEqual(["half of it"]);
    expect(runner.list()[0]).toMatchObject({
      running: undefined,
      last: { outcome: "floor: swept" },
      runs: { done: 1 },
    });
  });

  test("with times of its own runs when it is due, and says when that is", async () => {
    let due: Date | undefined;
    let runs = 0;
    const job: Job = {
      name: "sweep",
      summary: "sweeps",
      everyMs: undefined,
      due: () => due,
      run: async () => {
        runs++;
        due = new Date(Date.now() + 3_600_000);
      },
    };
    const runner = new JobRunner([job], consoleLogger, 1);
    afterThisTest(() => runner.close());
    expect(runner.list()[0]?.next).toBeUndefined();
    await Bun.sleep(10);
    expect(runs).toBe(0);
    due = new Date();
    expect(await eventually(() => runs === 1)).toBe(true);
    await Bun.sleep(10);
    expect(runs).toBe(1);
    expect(runner.list()[0]?.next).toEqual(due);
  });

  test("in a dry run counts as no run and delays none", async () => {
    const runner = runnerOf({
      everyMs: 60_000,
      run: async ({ isDryRun, report }) => report(swept(isDryRun ? "would sweep" : "swept")),
    });
    const before = runner.list();
    expect(await runner.run("sweep", { isDryRun: true })).toEqual(["floor: would sweep"]);
    expect(runner.list()).toEqual(before);
    expect(await runner.run("sweep", { isDryRun: false })).toEqual(["floor: swept"]);
    expect(runner.list()[0]?.runs.done).toBe(1);
  });

  test("that is overdue is due when it is asked next, and not in the past", () => {
    const job = {
      name: "sweep",
      summary: "sweeps",
      everyMs: undefined,
      due: () => new Date(0),
      run: async () => undefined,
    };
    const runner = new JobRunner([job], consoleLogger, 60_000);
    afterThisTest(() => runner.close());
    expect(runner.list()[0]?.next?.getTime()).toBeGreaterThan(Date.now());
  });

  test("that is due during a dry run runs after it", async () => {
    const go = Promise.withResolvers<void>();
    const runs: boolean[] = [];
    const runner = runnerOf({
      everyMs: 5,
      run: async ({ isDryRun }) => {
        runs.push(isDryRun);
        if (isDryRun) await go.promise;
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
      run: async ({ signal, report }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        report(swept("swept a part"));
      },
    });
    const run = runner.run("sweep", { isDryRun: false });
    expect(await errorOf(runner.run("sweep", { isDryRun: false }))).toMatch(
      /^the job 'sweep' is already running, since \d\d:\d\d:\d\d UTC; '\/jobs cancel sweep' cancels it$/,
    );
    await runner.cancel("sweep");
    expect(await run).toEqual(["floor: swept a part", "cancelled"]);
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

describe("a run of a job is logged", () => {
  const lines: string[] = [];
  const log = { ...consoleLogger, info: (message: string) => void lines.push(message) };

  test("with who asked for it and what it did, one bounded line for each thing that it worked on", async () => {
    lines.length = 0;
    const many = Array.from({ length: 300 }, (_, i) => `corner ${i}`);
    const runner = runnerOf(
      {
        run: async ({ report }) => {
          report(swept("swept", "floor", ["dust", "crumbs"]));
          report(swept("swept all", "stairs", many));
        },
      },
      log,
    );
    await runner.run("sweep", { isDryRun: false, by: "alice" });
    expect(lines).toEqual([
      "job 'sweep', run by alice: floor: swept: dust, crumbs",
      `job 'sweep', run by alice: stairs: swept all: ${many.slice(0, 20).join(", ")}, and 280 more`,
    ]);
    expect(runner.list()[0]?.last).toMatchObject({
      outcome: "done",
      reports: [
        { subject: "floor", summary: "swept" },
        { subject: "stairs", summary: "swept all" },
      ],
    });
  });

  test("but not a dry run", async () => {
    lines.length = 0;
    const runner = runnerOf({}, log);
    await runner.run("sweep", { isDryRun: true, by: "alice" });
    expect(lines).toEqual([]);
  });
});

test("the last success of a job is not that of a run that failed or left something out", async () => {
  const outcomes = [
    new Error("no broom"),
    new IncompleteJobError("the stairs were left out", ["left out: stairs"]),
  ];
  const runner = runnerOf({
    run: async ({ report }) => {
      report(swept("swept"));
      const error = outcomes.pop();
      if (error) throw error;
    },
  });
  const run = () => runner.run("sweep", { isDryRun: false });
  expect(await run().catch((error) => error.lines)).toEqual(["floor: swept", "left out: stairs"]);
  await expect(run()).rejects.toThrow("no broom");
  expect(runner.list()[0]?.lastSuccess).toBeUndefined();
  await run();
  expect(runner.list()[0]?.lastSuccess).toBeInstanceOf(Date);
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
