import type { ConsoleChannel } from "../../backends/admin-ssh/admin-console.ts";
import type { CallPort } from "../../primitives/threads/call-port.ts";
import type { Remote } from "../../primitives/threads/service.ts";
import {
  type SessionId,
  type SessionRequest,
  SSH_THREAD,
  type SshThreadCalls,
  type TerminalSize,
} from "./ssh-calls.ts";

/** Maximal text in flight between the threads for a client that does not read, in UTF-16 units. */
const PIECE_LENGTH = 16 * 1024;
const LAST_WORDS_MS = 500;
/** Enough for a command that removed its own user's credential to print its result. */
const LAST_COMMAND_MS = 2000;

/** The main thread's end of a session on the SSH thread. Each side sends only what the other has requested (backpressure). */
export class RemoteChannel implements ConsoleChannel {
  readonly remote: string;
  readonly screen: ConsoleChannel["screen"];
  readonly input: AsyncIterable<Uint8Array>;
  readonly #id: SessionId;
  readonly #port: CallPort;
  readonly #thread: Remote<SshThreadCalls>;
  /** Callbacks for the end of input, and for the close. */
  readonly #whenInputOver = new Set<() => void>();
  readonly #whenOver = new Set<() => void>();
  readonly #closed = Promise.withResolvers<undefined>();
  readonly #resized = new Set<() => void>();
  /** The last write; the next one waits for it, so that the order is kept. */
  #writing: Promise<void> = Promise.resolve();
  #isOver = false;
  #reason: string | undefined;
  #grace: Timer | undefined;
  #size: TerminalSize | undefined;

  constructor(id: SessionId, request: SessionRequest, port: CallPort) {
    this.#id = id;
    this.#port = port;
    this.#thread = port.remote(SSH_THREAD);
    this.remote = request.remote;
    const { size } = request;
    this.#size = size;
    this.screen =
      size === undefined
        ? undefined
        : {
            columns: () => this.#size?.columns ?? size.columns,
            rows: () => this.#size?.rows ?? size.rows,
            onResize: (callback) => void this.#resized.add(callback),
          };
    const next = () => this.#read();
    this.input = { [Symbol.asyncIterator]: () => ({ next }) };
  }

  write(text: string): Promise<void> {
    return this.#write(text, false);
  }

  writeError(text: string): Promise<void> {
    return this.#write(text, true);
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    for (const callback of this.#resized) callback();
  }

  /** Ends the input. A running command has `LAST_COMMAND_MS` to finish before the session is closed. */
  end(reason: string): void {
    if (this.#reason !== undefined || this.#isOver) return;
    this.#reason = reason;
    this.#call(this.#whenInputOver);
    this.#grace = setTimeout(() => this.close(), LAST_COMMAND_MS);
  }

  /** The reason that was passed to `end`. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Called when the client has disconnected: ends the input and drops all output. */
  close(): void {
    clearTimeout(this.#grace);
    this.#isOver = true;
    this.#call(this.#whenInputOver);
    this.#call(this.#whenOver);
    this.#closed.resolve(undefined);
  }

  /** Resolves when it is closed. */
  get closed(): Promise<undefined> {
    return this.#closed.promise;
  }

  /** Sends a last line ahead of any pending output, if the client reads it within `LAST_WORDS_MS`. */
  async lastWords(text: string): Promise<void> {
    const line = this.screen ? `\r\n  ${text}\r\n` : `${text}\n`;
    await this.#port
      .remoteWithin(LAST_WORDS_MS, SSH_THREAD)
      .write(this.#id, line, this.screen === undefined)
      .catch(() => undefined);
  }

  #call(callbacks: ReadonlySet<() => void>): void {
    for (const callback of callbacks) callback();
  }

  /** The result of the call; `undefined` if `ends` is called first or the call fails. */
  #resultOf<T>(call: Promise<T>, ends: Set<() => void>): Promise<T | undefined> {
    return new Promise((resolve) => {
      const over = () => resolve(undefined);
      ends.add(over);
      call.then(resolve, over).finally(() => ends.delete(over));
    });
  }

  async #read(): Promise<IteratorResult<Uint8Array, undefined>> {
    const isOver = () => this.#isOver || this.#reason !== undefined;
    const packet = isOver()
      ? undefined
      : await this.#resultOf(this.#thread.read(this.#id), this.#whenInputOver);
    return packet === undefined || isOver() ? { done: true, value: undefined } : { value: packet };
  }

  #write(text: string, toError: boolean): Promise<void> {
    const before = this.#writing;
    this.#writing = (async () => {
      await before;
      for (let at = 0; at < text.length && !this.#isOver; ) {
        const end = pieceEnd(text, at);
        const written = this.#thread.write(this.#id, text.slice(at, end), toError);
        await this.#resultOf(written, this.#whenOver);
        at = end;
      }
    })();
    return this.#writing;
  }
}

/** Never splits a surrogate pair. */
function pieceEnd(text: string, at: number): number {
  const end = at + PIECE_LENGTH;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end + 1 : end;
}
