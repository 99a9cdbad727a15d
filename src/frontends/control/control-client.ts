import { accessSync, constants, existsSync } from "node:fs";
import type { NeededInput } from "../../backends/admin-ssh/commands/dialog.ts";
import type { LocalLine } from "../../backends/admin-ssh/local-console.ts";
import { isHidden } from "../../primitives/errors/failure.ts";
import { ControlError } from "./control-error.ts";
import {
  type ControlMessage,
  controlSocketPath,
  type EndMessage,
  type HeldStores,
  LINE_FEED,
} from "./control-messages.ts";

const HAS_STOPPED = "the server stopped in the meantime";

/** Runs a job on the server that uses the data directory; `undefined` if none runs. Rejects with the server's error message. */
export async function runRemoteJob(
  dataDir: string,
  name: string,
  isDryRun: boolean,
  onMessage: (message: ControlMessage) => void,
): Promise<true | undefined> {
  const messages = await send(dataDir, `/jobs/${name}${isDryRun ? "?dry-run" : ""}`);
  if (!messages) return undefined;
  for await (const message of messages) onMessage(message);
  return true;
}

/**
 * Runs `work` while the server that uses the data directory removes no file; `undefined` if none runs. Rejects if the
 * server stops before `work` is done.
 */
export async function withRemoteHold<T>(
  dataDir: string,
  work: (held: HeldStores) => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  const done = new AbortController();
  const messages = await send(dataDir, "/hold", { signal: done.signal });
  if (!messages) return undefined;
  try {
    const held = Promise.withResolvers<HeldStores>();
    const lost = (async () => {
      for await (const message of messages) if (message.kind === "held") held.resolve(message);
      throw new ControlError(HAS_STOPPED);
    })();
    lost.catch(held.reject);
    return { result: await Promise.race([work(await held.promise), lost]) };
  } finally {
    done.abort();
  }
}

/**
 * Runs a line of the console on the server that uses the data directory; `undefined` if none runs. Resolves with what the
 * line needs if it was not run for want of it. Rejects with the server's refusal.
 */
export async function runRemoteLine(
  dataDir: string,
  line: LocalLine,
  print: (text: string) => void,
): Promise<{ readonly needs: NeededInput | undefined } | undefined> {
  const messages = await send(dataDir, "/console", { body: JSON.stringify(line) });
  if (!messages) return undefined;
  let end: EndMessage | undefined;
  for await (const message of messages) {
    if (message.kind === "line") print(message.text);
    if (message.kind === "end") end = message;
  }
  if (!end)
    throw new ControlError("the running server is of another version, which can't run this; restart it");
  return { needs: end.needs };
}

/** The server's messages; `undefined` if no server runs. The generator throws the server's error message. */
async function send(
  dataDir: string,
  path: string,
  options: { readonly signal?: AbortSignal; readonly body?: string } = {},
): Promise<AsyncGenerator<ControlMessage> | undefined> {
  const socket = controlSocketPath(dataDir);
  if (!existsSync(socket)) return undefined;
  refuseOthers(socket);
  try {
    const response = await fetch(`http://localhost${path}`, {
      method: "POST",
      unix: socket,
      ...options,
    });
    return messagesOf(response);
  } catch (error) {
    // A killed server leaves its socket file behind.
    if (["ECONNREFUSED", "FailedToOpenSocket"].includes((error as { code?: string }).code ?? ""))
      return undefined;
    if ((error as { code?: string }).code === "ECONNRESET")
      throw new ControlError(HAS_STOPPED, { cause: error });
    throw error;
  }
}

/** Throws `ControlError` for users of the machine whom the socket refuses; to `fetch` it would seem that no server runs. */
export function refuseOthers(socket: string): void {
  try {
    accessSync(socket, constants.W_OK);
  } catch (error) {
    if ((error as { code?: string }).code !== "EACCES") return;
    throw new ControlError("a server runs, and only root and the user who runs it may command it", {
      kind: "refused",
      cause: error,
    });
  }
}

/** The server's refusal, with its kind. */
function endError({ failure, hint }: EndMessage, message: string): ControlError {
  const isOfErrors = failure !== undefined && failure !== "storage" && !isHidden(failure);
  return new ControlError(message, { hint, ...(isOfErrors && { kind: failure }) });
}

async function* messagesOf(response: Response): AsyncGenerator<ControlMessage> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunksOf(response)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(LINE_FEED);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as ControlMessage;
      if (message.kind === "end" && message.error !== undefined) throw endError(message, message.error);
      yield message;
    }
  }
}

/** Throws where the server is killed before its answer is whole. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body ?? [];
  } catch (error) {
    throw new ControlError(HAS_STOPPED, { cause: error });
  }
}
