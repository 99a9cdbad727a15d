import type { IncomingMessage } from "node:http";
import type { DirectResponse } from "../../primitives/net/direct-response.ts";
import type { BodySource } from "./received-body.ts";

/** A body that `node:http` reads. */
export class MessageSource implements BodySource {
  readonly #message: IncomingMessage;
  #chunks: AsyncIterator<Uint8Array> | undefined;

  constructor(message: IncomingMessage) {
    this.#message = message;
    // A body that nobody reads may still fail.
    message.on("error", () => {});
  }

  get length(): number | undefined {
    const header = this.#message.headers["content-length"];
    return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
  }

  get isComplete(): boolean {
    return this.#message.complete;
  }

  read(): Promise<IteratorResult<Uint8Array, unknown> & { value?: Uint8Array }> {
    this.#chunks ??= this.#message[Symbol.asyncIterator]();
    return this.#chunks.next();
  }

  end(): void {
    this.#message.destroy();
  }

  skip(): void {
    this.#message.resume();
  }
}

/** A body that comes over a connection of its own. */
export class DirectSource implements BodySource {
  readonly #response: DirectResponse;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#response.cancel(new Error("the request was aborted"));

  constructor(response: DirectResponse, signal: AbortSignal | undefined) {
    this.#response = response;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  get length(): number | undefined {
    return this.#response.length;
  }

  get isComplete(): boolean {
    return this.#response.isComplete;
  }

  async read(): ReturnType<DirectResponse["read"]> {
    const piece = await this.#response.read();
    if (piece.done) this.#signal?.removeEventListener("abort", this.#abort);
    return piece;
  }

  end(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#response.cancel().catch(() => undefined);
  }

  skip(): void {
    this.end();
  }
}
