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
  /** The end, with what went wrong, if anything. */
  | { readonly kind: "end"; readonly error?: string };

/** Takes commands of the same machine's user, such as `everlock gc`, while the server runs. */
export class ControlSocket {
  readonly #server: Bun.Server<undefined> | undefined;
  readonly #path: string;

  constructor(dataDir: string, jobs: JobRunner, log: Logger) {
    this.#path = `${dataDir}/${SOCKET_NAME}`;
    rmSync(this.#path, { force: true });
    try {
      this.#server = Bun.serve({
        unix: this.#path,
        fetch: (request) => answer(request, jobs, log),
        error: (error) => {
          log.error("a command of this machine failed", error);
          return new Response(null, { status: 500 });
        },
      });
    } catch (error) {
      // A path of more than 107 bytes, or a file system without sockets.
      log.warn(`'everlock gc' can't reach this server: ${error instanceof Error ? error.message : error}`);
    }
  }

  async stop(): Promise<void> {
    await this.#server?.stop(true);
    rmSync(this.#path, { force: true });
  }
}

function answer(request: Request, jobs: JobRunner, log: Logger): Response {
  const { pathname, searchParams } = new URL(request.url);
  const [, name] = pathname.match(/^\/jobs\/([a-z]+)$/) ?? [];
  if (request.method !== "POST" || name === undefined) return new Response(null, { status: 404 });
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (message: ControlMessage) => {
        // Whoever asked may have gone; the job goes on.
        if (!request.signal.aborted) controller.enqueue(encoder.encode(JSON.stringify(message) + LINE_FEED));
      };
      // The runtime closes connections that are silent for long.
      let progress = "starting";
      const heartbeat = setInterval(() => send({ kind: "progress", text: progress }), HEARTBEAT_MS);
      try {
        const options = { isDryRun: searchParams.has("dry-run") };
        const lines = await jobs.run(name, options, (text) => {
          progress = text;
        });
        for (const text of lines) send({ kind: "line", text });
        send({ kind: "end" });
      } catch (error) {
        if (!(error instanceof JobError)) log.error(`the job '${name}' failed`, error);
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
  const socket = `${dataDir}/${SOCKET_NAME}`;
  if (!existsSync(socket)) return undefined;
  let response: Response;
  try {
    const url = `http://localhost/jobs/${name}${isDryRun ? "?dry-run" : ""}`;
    response = await fetch(url, { method: "POST", unix: socket });
  } catch (error) {
    // Left behind by a server that was killed.
    if (["ECONNREFUSED", "FailedToOpenSocket"].includes((error as { code?: string }).code ?? ""))
      return undefined;
    throw error;
  }
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(LINE_FEED);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as ControlMessage;
      if (message.kind === "end" && message.error !== undefined) throw new Error(message.error);
      onMessage(message);
    }
  }
  return true;
}
