import type { IncomingMessage } from "node:http";
import { type ExplainedFailure, UpstreamBodyError } from "./upstream-answer.ts";

export interface ReceivedBodyOptions {
  readonly silenceMs: number;
  readonly signal: AbortSignal | undefined;
  /** False for responses to HEAD. */
  readonly hasContent: boolean;
  failed(error: unknown): ExplainedFailure;
  unavailable(words: string): ExplainedFailure;
}

/** Fewer bytes than this in each second of waiting, and upstream is given up: it may be holding the connection open. */
const MIN_BYTES_PER_SECOND = 1024;

/** The body of a response, to be read once or discarded. */
export class ReceivedBody {
  readonly #message: IncomingMessage;
  readonly #options: ReceivedBodyOptions;

  constructor(message: IncomingMessage, options: ReceivedBodyOptions) {
    this.#message = message;
    this.#options = options;
    // A body that nobody reads may still fail.
    message.on("error", () => {});
    if (!options.hasContent) message.resume();
  }

  /** By Content-Length, in bytes. */
  get length(): number | undefined {
    const header = this.#message.headers["content-length"];
    return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
  }

  /** Only the time in which the reader waits for upstream counts. Throws `UpstreamBodyError`, or the signal's reason. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const { silenceMs, signal } = this.#options;
    const chunks: AsyncIterator<Uint8Array> = this.#message[Symbol.asyncIterator]();
    let waitedMs = 0;
    let received = 0;
    let isSilent = false;
    const giveUp = () => {
      isSilent = true;
      this.#message.destroy();
    };
    try {
      for (;;) {
        const began = performance.now();
        const timer = setTimeout(giveUp, silenceMs);
        const next = await chunks.next().finally(() => clearTimeout(timer));
        if (isSilent) break;
        if (next.done) return;
        waitedMs += performance.now() - began;
        received += next.value.length;
        if (waitedMs > silenceMs) {
          if (received < (MIN_BYTES_PER_SECOND * waitedMs) / 1000) throw this.#tooSlow();
          waitedMs = 0;
          received = 0;
        }
        yield next.value;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof UpstreamBodyError) throw error;
      if (!isSilent) throw new UpstreamBodyError(this.#options.failed(error));
    } finally {
      if (!this.#message.complete) this.#message.destroy();
    }
    throw this.#silent();
  }

  /**
   * Reads up to `maxBytes`; `undefined` if there are more, and the connection is closed. In all for at most `withinMs`, by
   * default twice the time of silence.
   */
  async bytes(
    maxBytes: number,
    withinMs = 2 * this.#options.silenceMs,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if ((this.length ?? 0) > maxBytes) {
      this.discard();
      return undefined;
    }
    const parts: Uint8Array[] = [];
    let size = 0;
    const began = performance.now();
    for await (const chunk of this.chunks()) {
      size += chunk.length;
      if (size > maxBytes) return undefined;
      if (performance.now() - began > withinMs) throw this.#tooSlow();
      parts.push(chunk);
    }
    return new Uint8Array(Buffer.concat(parts, size));
  }

  /** Ends the response without reading it. */
  discard(): void {
    if (this.#options.hasContent && !this.#message.complete) this.#message.destroy();
  }

  #silent(): UpstreamBodyError {
    const seconds = this.#options.silenceMs / 1000;
    return new UpstreamBodyError(
      this.#options.unavailable(`it sent nothing for ${seconds} s within a response`),
    );
  }

  #tooSlow(): UpstreamBodyError {
    return new UpstreamBodyError(this.#options.unavailable("it sends too slowly"));
  }
}
