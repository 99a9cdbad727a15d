import { type ExplainedFailure, UpstreamBodyError } from "./upstream-answer.ts";

/** Where the bytes of a body come from. */
export interface BodySource {
  /** By Content-Length, in bytes. */
  readonly length: number | undefined;
  /** Whether all bytes have come. */
  readonly isComplete: boolean;
  /** The next bytes; for one reader. Rejects where they break off. */
  read(): Promise<{ readonly done?: boolean | undefined; readonly value?: Uint8Array | undefined }>;
  /** Closes the connection; a read that waits ends. */
  end(): void;
  /** Reads what nobody wants. */
  skip(): void;
}

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
  readonly #source: BodySource;
  readonly #options: ReceivedBodyOptions;

  constructor(source: BodySource, options: ReceivedBodyOptions) {
    this.#source = source;
    this.#options = options;
    if (!options.hasContent) source.skip();
  }

  /** By Content-Length, in bytes. */
  get length(): number | undefined {
    return this.#source.length;
  }

  /** Only the time in which the reader waits for upstream counts. Throws `UpstreamBodyError`, or the signal's reason. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const { silenceMs, signal } = this.#options;
    const silence = new SilenceTimer(silenceMs, () => this.#source.end());
    let waitedMs = 0;
    let received = 0;
    try {
      for (;;) {
        silence.begin();
        const next = await this.#source.read();
        waitedMs += silence.pause();
        if (silence.isOver) break;
        if (next.done || !next.value) return;
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
      if (!silence.isOver) throw new UpstreamBodyError(this.#options.failed(error));
    } finally {
      silence.end();
      if (!this.#source.isComplete) this.#source.end();
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
    if (this.#options.hasContent && !this.#source.isComplete) this.#source.end();
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

/** Tells when a read has waited for too long, by one timer for all reads of a body. */
class SilenceTimer {
  isOver = false;
  readonly #ms: number;
  readonly #over: () => void;
  #timer: Timer | undefined;
  #since: number | undefined;

  constructor(ms: number, over: () => void) {
    this.#ms = ms;
    this.#over = over;
    this.#arm(ms);
  }

  begin(): void {
    this.#since = performance.now();
  }

  /** Since `begin`, in milliseconds. */
  pause(): number {
    const waited = performance.now() - (this.#since ?? performance.now());
    this.#since = undefined;
    return waited;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    const left = this.#since === undefined ? this.#ms : this.#since + this.#ms - performance.now();
    if (left > 0) {
      this.#arm(left);
      return;
    }
    this.isOver = true;
    this.#over();
  }
}
