/** An answer, as far as a load generator has to know it. */
export interface RawResponse {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly bodyBytes: number;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const CHUNKED_END = Buffer.from("0\r\n\r\n");

/**
 * One keep-alive connection that sends prepared bytes and reads only what it must of the answers: a fraction of the cost
 * of `fetch`, so that the server under test is what is measured. Bodies are counted, not kept.
 */
export class RawConnection {
  readonly #socket: Bun.Socket<undefined>;
  #received: Buffer = Buffer.alloc(0);
  #bodyLeft = 0;
  #head: { status: number; text: string; bytes: number; isChunked: boolean } | undefined;
  #isHead = false;
  #waiting: PromiseWithResolvers<RawResponse> | undefined;
  #unsent: Uint8Array | undefined;

  private constructor(socket: Bun.Socket<undefined>) {
    this.#socket = socket;
  }

  static async open(port: number): Promise<RawConnection> {
    const ready = Promise.withResolvers<RawConnection>();
    let connection: RawConnection | undefined;
    await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket) {
          connection = new RawConnection(socket);
          ready.resolve(connection);
        },
        data: (_socket, data) => connection?.take(data),
        drain: () => connection?.flush(),
        close: () => connection?.fail(new Error("the server closed the connection")),
        error: (_socket, error) => connection?.fail(error),
      },
    });
    return ready.promise;
  }

  request(bytes: Uint8Array, isHead = false): Promise<RawResponse> {
    this.#waiting = Promise.withResolvers();
    this.#isHead = isHead;
    this.#unsent = bytes;
    this.flush();
    return this.#waiting.promise;
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.end();
  }

  flush(): void {
    if (!this.#unsent) return;
    const sent = this.#socket.write(this.#unsent);
    this.#unsent = sent < this.#unsent.length ? this.#unsent.subarray(sent) : undefined;
  }

  fail(error: Error): void {
    this.#waiting?.reject(error);
  }

  take(data: Buffer): void {
    if (this.#head && !this.#head.isChunked) {
      this.#bodyLeft -= data.length;
      if (this.#bodyLeft <= 0) this.#finish();
      return;
    }
    this.#received = this.#received.length > 0 ? Buffer.concat([this.#received, data]) : data;
    if (!this.#head) this.#readHead();
    if (this.#head?.isChunked && this.#received.subarray(-CHUNKED_END.length).equals(CHUNKED_END))
      this.#finish();
  }

  #readHead(): void {
    const end = this.#received.indexOf(HEAD_END);
    if (end < 0) return;
    const text = this.#received.toString("latin1", 0, end);
    const status = Number(text.slice(9, 12));
    const length = Number(text.match(/\r\ncontent-length: *(\d+)/i)?.[1] ?? 0);
    const bytes = this.#isHead || status === 204 || status === 304 ? 0 : length;
    const isChunked = /\r\ntransfer-encoding: *chunked/i.test(text) && !this.#isHead;
    this.#head = { status, text, bytes, isChunked };
    if (isChunked) return;
    this.#bodyLeft = bytes - (this.#received.length - end - HEAD_END.length);
    this.#received = Buffer.alloc(0);
    if (this.#bodyLeft <= 0) this.#finish();
  }

  #finish(): void {
    const { status = 0, text = "", bytes = 0 } = this.#head ?? {};
    this.#head = undefined;
    this.#received = Buffer.alloc(0);
    this.#waiting?.resolve({ status, head: text, bodyBytes: bytes });
  }
}
