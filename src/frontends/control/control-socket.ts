import { existsSync, rmSync } from "node:fs";
import { JobError, type JobRunner } from "../../primitives/jobs/job-runner.ts";
import type { Logger } from "../../primitives/logger.ts";

/** In the data directory, which is private to the user who runs the server. */
const SOCKET_NAME = "everlock.sock";
const HEARTBEAT_MS = 1000;
const LINE_FEED = "\n";

/** What the server answers to a command, a JSON line each. */
export type ControlMessage =
  | { readonly kind: "progress" | "line"; readonly text: string }
  /** From now on, until the asker goes away, nothing is removed that was there. */
  | { readonly kind: "held" }
  /** The end, with what went wrong, if anything. */
  | { readonly kind: "end"; readonly error?: string };

export interface ControlServices {
  readonly jobs: JobRunner;
  /** Runs `work` while no file of any store is removed. */
  readonly hold: (work: () => Promise<void>) => Promise<void>;
}

/** Takes commands of the same machine's user, such as `everlock gc` and `everlock backup`, while the server runs. */
export class ControlSocket {
  readonly #server: Bun.Server<undefined> | undefined;
  readonly #path: string;

  constructor(dataDir: string, services: ControlServices, log: Logger) {
    this.#path = `${dataDir}/${SOCKET_NAME}`;
    rmSync(this.#path, { force: true });
    try {
      this.#server = Bun.serve({
        unix: this.#path,
        fetch: (request) => answer(request, services, log),
        error: (error) => {
          log.error("a command of this machine failed", error);
          return new Response(null, { status: 500 });
        },
      });
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

function answer(request: Request, { jobs, hold }: ControlServices, log: Logger): Response {
  const { pathname, searchParams } = new URL(request.url);
  const [, name] = pathname.match(/^\/jobs\/([a-z]+)$/) ?? [];
  if (request.method !== "POST") return new Response(null, { status: 404 });
  if (pathname === "/hold") {
    return streamed(request, log, ({ send }) =>
      hold(async () => {
        send({ kind: "held" });
        await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      }),
    );
  }
  if (name === undefined) return new Response(null, { status: 404 });
  return streamed(request, log, async ({ send, progress }) => {
    const lines = await jobs.run(name, { isDryRun: searchParams.has("dry-run") }, progress);
    for (const text of lines) send({ kind: "line", text });
  });
}

interface Asker {
  send(message: ControlMessage): void;
  progress(text: string): void;
}

/** Answers what `work` sends, and how it ended. Whoever asked may go; the work goes on. */
function streamed(request: Request, log: Logger, work: (asker: Asker) => Promise<void>): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (message: ControlMessage) => {
        if (!request.signal.aborted) controller.enqueue(encoder.encode(JSON.stringify(message) + LINE_FEED));
      };
      // The runtime closes connections that are silent for long.
      let text = "starting";
      const heartbeat = setInterval(() => send({ kind: "progress", text }), HEARTBEAT_MS);
      const progress = (now: string) => {
        text = now;
      };
      try {
        await work({ send, progress });
        send({ kind: "end" });
      } catch (error) {
        if (!(error instanceof JobError)) log.error(`${new URL(request.url).pathname} failed`, error);
        send({ kind: "end", error: error instanceof Error ? error.message : String(error) });
      } finally {
        clearInterval(heartbeat);
      }
      if (!request.signal.aborted) controller.close();
    },
  });
  return new Response(body);
}

/** Runs a job of the server that uses the data directory; `undefined` if there is none. Rejects with what it says. */
export async function runRemoteJob(
  dataDir: string,
  name: string,
  isDryRun: boolean,
  onMessage: (message: ControlMessage) => void,
): Promise<true | undefined> {
  const messages = await ask(dataDir, `/jobs/${name}${isDryRun ? "?dry-run" : ""}`);
  if (!messages) return undefined;
  for await (const message of messages) onMessage(message);
  return true;
}

/**
 * Runs `work` while the server that uses the data directory removes nothing; `undefined` if there is none. Rejects if the
 * server ends before `work` does.
 */
export async function withRemoteHold<T>(
  dataDir: string,
  work: () => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  const done = new AbortController();
  const messages = await ask(dataDir, "/hold", done.signal);
  if (!messages) return undefined;
  try {
    const held = Promise.withResolvers<void>();
    const lost = (async () => {
      for await (const { kind } of messages) if (kind === "held") held.resolve();
      throw new Error("the server has ended meanwhile");
    })();
    lost.catch(held.reject);
    await held.promise;
    return { result: await Promise.race([work(), lost]) };
  } finally {
    done.abort();
  }
}

/** What the server answers; `undefined` where no server runs. Throws what it says went wrong. */
async function ask(
  dataDir: string,
  path: string,
  signal?: AbortSignal,
): Promise<AsyncGenerator<ControlMessage> | undefined> {
  const socket = `${dataDir}/${SOCKET_NAME}`;
  if (!existsSync(socket)) return undefined;
  try {
    const response = await fetch(`http://localhost${path}`, {
      method: "POST",
      unix: socket,
      ...(signal && { signal }),
    });
    return messagesOf(response);
  } catch (error) {
    // Left behind by a server that was killed.
    if (["ECONNREFUSED", "FailedToOpenSocket"].includes((error as { code?: string }).code ?? ""))
      return undefined;
    throw error;
  }
}

async function* messagesOf(response: Response): AsyncGenerator<ControlMessage> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(LINE_FEED);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as ControlMessage;
      if (message.kind === "end" && message.error !== undefined) throw new Error(message.error);
      yield message;
    }
  }
}
