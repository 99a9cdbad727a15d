import { chmodSync, rmSync } from "node:fs";
import { ExpectedError } from "../../primitives/expected-error.ts";
import { IncompleteJobError, type JobRunner } from "../../primitives/jobs/job-runner.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { type ControlMessage, controlSocketPath, type HeldStores, LINE_FEED } from "./control-messages.ts";

const HEARTBEAT_MS = 1000;

export interface ControlServices {
  readonly jobs: JobRunner;
  /** Runs `work` while no file of any store is removed. `signal` ends the wait for that, which then rejects with its reason. */
  readonly hold: (work: () => Promise<void>, signal: AbortSignal) => Promise<void>;
  readonly heldStores: () => HeldStores;
}

/** Takes commands of the same machine's user, such as `everlock gc` and `everlock backup`, while the server runs. */
export class ControlSocket {
  readonly #server: Bun.Server<undefined> | undefined;
  readonly #path: string;

  constructor(dataDir: string, services: ControlServices, log: Logger) {
    this.#path = controlSocketPath(dataDir);
    rmSync(this.#path, { force: true });
    try {
      this.#server = Bun.serve({
        unix: this.#path,
        // Otherwise the runtime shows source code to whom it can't answer.
        development: false,
        fetch: (request) => answer(request, services, log),
        error: (error) => {
          log.error("a command of this machine failed", error);
          return new Response(null, { status: 500 });
        },
      });
      chmodSync(this.#path, 0o600);
    } catch (error) {
      // A path of more than 107 bytes, or a file system without sockets.
      log.warn(
        `'everlock gc' and 'everlock backup' can't reach this server: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  async stop(): Promise<void> {
    await this.#server?.stop(true);
    rmSync(this.#path, { force: true });
  }
}

function answer(request: Request, { jobs, hold, heldStores }: ControlServices, log: Logger): Response {
  // Whatever the Host header made of it, it ends with the path and the query.
  const [, target = "", query = ""] = request.url.match(/^[a-z]+:\/\/[^/]*(\/[^?]*)(\?.*)?$/) ?? [];
  const [, name] = target.match(/^\/jobs\/([a-z]+)$/) ?? [];
  if (request.method !== "POST") return new Response(null, { status: 404 });
  if (target === "/hold") {
    return streamed(request, target, log, ({ send, gone }) =>
      hold(async () => {
        send({ kind: "held", ...heldStores() });
        await aborted(gone);
      }, gone),
    );
  }
  if (name === undefined) return new Response(null, { status: 404 });
  return streamed(request, target, log, async ({ send, progress }) => {
    const isDryRun = new URLSearchParams(query).has("dry-run");
    const sendAll = (lines: readonly string[]) => {
      for (const text of lines) send({ kind: "line", text });
    };
    try {
      sendAll(await jobs.run(name, { isDryRun }, progress));
    } catch (error) {
      if (error instanceof IncompleteJobError) sendAll(error.lines);
      throw error;
    }
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

interface Asker {
  send(message: ControlMessage): void;
  progress(text: string): void;
  /** Aborted once whoever asked has gone, also before anything was sent. */
  readonly gone: AbortSignal;
}

/** Answers what `work` sends, and how it ended. Whoever asked may go; the work goes on unless it looks at `gone`. */
function streamed(
  request: Request,
  path: string,
  log: Logger,
  work: (asker: Asker) => Promise<void>,
): Response {
  const encoder = new TextEncoder();
  const going = new AbortController();
  const gone = going.signal;
  const leave = () => going.abort();
  if (request.signal.aborted) leave();
  else request.signal.addEventListener("abort", leave, { once: true });
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (message: ControlMessage) => {
        if (!gone.aborted) controller.enqueue(encoder.encode(JSON.stringify(message) + LINE_FEED));
      };
      // The runtime closes connections that are silent for long, and learns by writing that a client is gone.
      let text = "starting";
      const heartbeat = setInterval(() => send({ kind: "progress", text }), HEARTBEAT_MS);
      const progress = (now: string) => {
        text = now;
      };
      try {
        await work({ send, progress, gone });
        send({ kind: "end" });
      } catch (error) {
        if (!(error instanceof ExpectedError) && error !== gone.reason) log.error(`${path} failed`, error);
        send({ kind: "end", error: error instanceof Error ? error.message : String(error) });
      } finally {
        clearInterval(heartbeat);
      }
      if (!gone.aborted) controller.close();
    },
    cancel: leave,
  });
  return new Response(body);
}
