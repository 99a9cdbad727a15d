import { chmodSync, rmSync } from "node:fs";
import { MAX_DOCUMENT_BYTES } from "../../backends/admin-ssh/commands/dialog.ts";
import type { LocalConsole } from "../../backends/admin-ssh/local-console.ts";
import { reportFailure } from "../../primitives/errors/failure.ts";
import { messageOf } from "../../primitives/expected-error.ts";
import { IncompleteJobError, type JobRunner } from "../../primitives/jobs/job-runner.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import {
  type ControlMessage,
  controlSocketPath,
  type EndMessage,
  type HeldStores,
  LINE_FEED,
  readLocalLine,
} from "./control-messages.ts";
import { IMPORT_PATH } from "./import-messages.ts";
import { answerImport, type ImportCalls } from "./import-requests.ts";

const HEARTBEAT_MS = 1000;
/** A document and its line; JSON at most doubles its bytes, but for control characters, which no document needs. */
const MAX_REQUEST_BYTES = 2 * MAX_DOCUMENT_BYTES + 64 * 1024;

export interface ControlServices {
  readonly jobs: JobRunner;
  /** Runs `work` while no file of any store is removed. Rejects with the signal's reason if that is aborted while waiting. */
  readonly hold: (work: () => Promise<void>, signal: AbortSignal) => Promise<void>;
  readonly heldStores: () => HeldStores;
  readonly console: Pick<LocalConsole, "run">;
  readonly imports: ImportCalls;
}

/**
 * Accepts commands over a Unix socket, such as `everlock gc`, `everlock backup` and lines of the console. Only root and the
 * owner of the data directory can open it, and that is the authorization.
 */
export class ControlSocket {
  readonly #server: Bun.Server<undefined> | undefined;
  readonly #path: string;

  constructor(dataDir: string, services: ControlServices, log: Logger) {
    this.#path = controlSocketPath(dataDir);
    rmSync(this.#path, { force: true });
    try {
      this.#server = Bun.serve({
        unix: this.#path,
        // The runtime's development error page shows source code.
        development: false,
        // A blob of an import has any size; other bodies are bounded where they are read.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        fetch: (request, server) => {
          // The source of an import may pause, and a large blob takes time to store.
          if (isImport(request)) server.timeout(request, 0);
          return handle(request, services, log);
        },
        error: (error) => {
          log.error("a command on the control socket failed", error);
          return new Response(null, { status: 500 });
        },
      });
      chmodSync(this.#path, 0o600);
    } catch (error) {
      // The path is longer than 107 bytes, or the file system has no sockets.
      log.warn(`'everlock gc' and 'everlock backup' can't reach this server: ${messageOf(error)}`);
    }
  }

  async stop(): Promise<void> {
    await this.#server?.stop(true);
    rmSync(this.#path, { force: true });
  }
}

async function handle(
  request: Request,
  { jobs, hold, heldStores, console, imports }: ControlServices,
  log: Logger,
): Promise<Response> {
  if (request.method === "POST" && isImport(request)) return answerImport(request, imports, log);
  // Of what follows, a line of the console with its document is the largest.
  const isBounded = !request.headers.has("Transfer-Encoding");
  if (!isBounded || Number(request.headers.get("Content-Length")) > MAX_REQUEST_BYTES)
    return new Response(null, { status: 413 });
  // The Host header may have made the URL invalid, but it still ends with the path and the query.
  const [, target = "", query = ""] = request.url.match(/^[a-z]+:\/\/[^/]*(\/[^?]*)(\?.*)?$/) ?? [];
  const [, name] = target.match(/^\/jobs\/([a-z]+)$/) ?? [];
  if (request.method !== "POST") return new Response(null, { status: 404 });
  if (target === "/hold") {
    return streamMessages(request, target, log, async ({ send, gone }) => {
      await hold(async () => {
        send({ kind: "held", ...heldStores() });
        await aborted(gone);
      }, gone);
      return {};
    });
  }
  if (target === "/console") return runConsoleLine(request, console, log);
  if (name === undefined) return new Response(null, { status: 404 });
  return streamMessages(request, target, log, async ({ send, progress }) => {
    const isDryRun = new URLSearchParams(query).has("dry-run");
    const sendAll = (lines: readonly string[]) => {
      for (const text of lines) send({ kind: "line", text });
    };
    try {
      sendAll(await jobs.run(name, { isDryRun, by: `everlock ${name}` }, progress));
      return {};
    } catch (error) {
      if (error instanceof IncompleteJobError) sendAll(error.lines);
      throw error;
    }
  });
}

/** The Host header may have made the URL invalid. */
function isImport(request: Request): boolean {
  return request.url.startsWith(`http://localhost${IMPORT_PATH}`);
}

async function runConsoleLine(
  request: Request,
  console: ControlServices["console"],
  log: Logger,
): Promise<Response> {
  const line = readLocalLine(await request.json().catch(() => undefined));
  if (!line) return new Response(null, { status: 400 });
  return streamMessages(request, "/console", log, async ({ send }) => {
    const end = await console.run(line, async (lines) => {
      for (const text of lines) send({ kind: "line", text });
    });
    if (end.kind === "done") return {};
    if (end.kind === "needs") return { needs: end.needs };
    const { kind, words, hint } = end.failure;
    return { error: words, failure: kind, hint };
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The client of a command. */
interface CommandClient {
  send(message: ControlMessage): void;
  progress(text: string): void;
  /** Aborted when the client disconnects. */
  readonly gone: AbortSignal;
}

/** Streams the messages of `work` and its outcome. If the client disconnects, `work` continues unless it checks `gone`. */
function streamMessages(
  request: Request,
  path: string,
  log: Logger,
  work: (client: CommandClient) => Promise<Omit<EndMessage, "kind">>,
): Response {
  const encoder = new TextEncoder();
  const disconnect = new AbortController();
  const gone = disconnect.signal;
  const onDisconnect = () => disconnect.abort();
  if (request.signal.aborted) onDisconnect();
  else request.signal.addEventListener("abort", onDisconnect, { once: true });
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (message: ControlMessage) => {
        if (!gone.aborted) controller.enqueue(encoder.encode(JSON.stringify(message) + LINE_FEED));
      };
      // The runtime closes idle connections, and detects a disconnected client only by writing.
      let text = "starting";
      const heartbeat = setInterval(() => send({ kind: "progress", text }), HEARTBEAT_MS);
      const progress = (now: string) => {
        text = now;
      };
      try {
        send({ kind: "end", ...(await work({ send, progress, gone })) });
      } catch (error) {
        // Nobody is left to be told that the wait was given up.
        if (error !== gone.reason) send({ kind: "end", error: reportFailure(log, `${path} failed`, error) });
      } finally {
        clearInterval(heartbeat);
      }
      if (!gone.aborted) controller.close();
    },
    cancel: onDisconnect,
  });
  return new Response(body);
}
