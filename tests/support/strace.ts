import { describe, test } from "bun:test";
import { afterThisTest } from "./cleanup.ts";
import { describeWith, run } from "./tools.ts";

const ATTACH_MS = 10_000;

/** Failures in strace's syntax (`fsync:error=EIO:when=1`), and the files that they apply to (default: all). */
export interface Injection {
  readonly calls: string;
  readonly paths?: readonly string[];
}

async function canTrace(): Promise<boolean> {
  if (!Bun.which("strace")) return false;
  return (await run(["strace", "-o", "/dev/null", "true"])).code === 0;
}

const isPermitted = await canTrace();

/** `describe` for tests with failing system calls; skipped where tracing is not permitted. */
export function describeWithFailingCalls(name: string, body: () => void): void {
  describeWith(["strace"], name, () => {
    if (isPermitted) describe("by failing system calls", body);
    else test.skip(`${name} (needs to trace processes)`, () => {});
  });
}

/** An active injection of failures. */
export interface FailingCalls {
  /** The number of failed calls seen so far. */
  failed(): number;
  stop(): Promise<void>;
}

/** Makes system calls of a running process fail until stopped. */
export async function failCalls(pid: number, { calls, paths = [] }: Injection): Promise<FailingCalls> {
  const traced = paths.flatMap((path) => ["-P", path]);
  const child = Bun.spawn(["strace", "-f", "-p", String(pid), ...traced, "-e", `inject=${calls}`], {
    stdout: "ignore",
    stderr: "pipe",
  });
  afterThisTest(() => child.kill("SIGKILL"));
  const attached = Promise.withResolvers<void>();
  let failed = 0;
  const reading = (async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of child.stderr) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        // Printed when all threads are traced.
        if (/^strace: Process \d+ attached/.test(line)) attached.resolve();
        if (line.endsWith("(INJECTED)")) failed++;
      }
    }
    attached.reject(new Error("strace has ended"));
  })();
  const timer = setTimeout(() => attached.reject(new Error("strace does not attach")), ATTACH_MS);
  await attached.promise;
  clearTimeout(timer);
  return {
    failed: () => failed,
    async stop() {
      child.kill("SIGINT");
      await child.exited;
      await reading;
    },
  };
}
