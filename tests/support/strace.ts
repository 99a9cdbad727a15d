import { describe, test } from "bun:test";
import { afterThisTest } from "./cleanup.ts";
import { describeWith, run } from "./tools.ts";

const ATTACH_MS = 10_000;

/** Which calls fail how, in strace's words (`fsync:error=EIO:when=1`), and of which files; of all without any. */
export interface Injection {
  readonly calls: string;
  readonly paths?: readonly string[];
}

async function canTrace(): Promise<boolean> {
  if (!Bun.which("strace")) return false;
  return (await run(["strace", "-o", "/dev/null", "true"])).code === 0;
}

const isPermitted = await canTrace();

/** `describe` for tests that have system calls fail; where tracing is not permitted, their name is reported as skipped. */
export function describeWithFailingCalls(name: string, body: () => void): void {
  describeWith(["strace"], name, () => {
    if (isPermitted) describe("by failing system calls", body);
    else test.skip(`${name} (needs to trace processes)`, () => {});
  });
}

/** System calls that fail now. */
export interface FailingCalls {
  /** How many have failed so far, as far as is known. */
  failed(): number;
  stop(): Promise<void>;
}

/** Has system calls of a running process fail until that is stopped. */
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
        // Told once all threads are traced.
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
