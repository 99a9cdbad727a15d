/** A whole answer, as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly body: Buffer;
}

/** `closed`: the server ended the connection without a whole answer. `silent`: it did not answer in time. */
export type Exchange = RawAnswer | "closed" | "silent";

const HEAD_END = Buffer.from("\r\n\r\n");
const CHUNKED_END = Buffer.from("0\r\n\r\n");

/** One connection that sends any bytes, be they HTTP or not, and keeps whole answers. */
export class RawExchanger {
  readonly #socket: Bun.Socket<undefined>;
  #received: Buffer = Buffer.alloc(0);
  #isToHead = false;
  #unsent: Uint8Array | undefined;
  #waiting: ((outcome: Exchange) => void) | undefined;
  isOpen = true;

  private constructor(socket: Bun.Socket<undefined>) {
    this.#socket = socket;
  }

  static async open(port: number): Promise<RawExchanger> {
    const ready = Promise.withResolvers<RawExchanger>();
    let exchanger: RawExchanger | undefined;
    await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket) {
          exchanger = new RawExchanger(socket);
          ready.resolve(exchanger);
        },
        data: (_socket, data) => exchanger?.receive(data),
        drain: () => exchanger?.flush(),
        close: () => exchanger?.end(),
        error: () => exchanger?.end(),
      },
    });
    return ready.promise;
  }

  /** Sends bytes and waits for the answer to them. `isToHead`: the answer has no body. */
  async send(bytes: Uint8Array, isToHead: boolean, patienceMs: number): Promise<Exchange> {
    if (!this.isOpen) return "closed";
    this.#received = Buffer.alloc(0);
    this.#isToHead = isToHead;
    const { promise, resolve } = Promise.withResolvers<Exchange>();
    this.#waiting = resolve;
    const timer = setTimeout(() => this.#resolve("silent"), patienceMs);
    this.#unsent = bytes;
    this.flush();
    const outcome = await promise;
    clearTimeout(timer);
    return outcome;
  }

  close(): void {
    this.isOpen = false;
    this.#socket.terminate();
  }

  flush(): void {
    if (!this.#unsent) return;
    const sent = this.#socket.write(this.#unsent);
    this.#unsent = sent < this.#unsent.length ? this.#unsent.subarray(Math.max(sent, 0)) : undefined;
  }

  receive(data: Buffer): void {
    this.#received = this.#received.length > 0 ? Buffer.concat([this.#received, data]) : data;
    const answer = readAnswer(this.#received, this.#isToHead);
    if (answer) this.#resolve(answer);
  }

  end(): void {
    this.isOpen = false;
    this.#resolve("closed");
  }

  #resolve(outcome: Exchange): void {
    this.#waiting?.(outcome);
    this.#waiting = undefined;
  }
}

/** `undefined` while the answer is not whole. */
function readAnswer(bytes: Buffer, isToHead: boolean): RawAnswer | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const head = bytes.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  const body = bytes.subarray(end + HEAD_END.length);
  const hasNoBody = isToHead || status === 204 || status === 304;
  if (hasNoBody) return { status, head, body: Buffer.alloc(0) };
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    return body.subarray(-CHUNKED_END.length).equals(CHUNKED_END) ? { status, head, body } : undefined;
  }
  const length = Number(head.match(/\r\ncontent-length: *(\d+)/i)?.[1] ?? 0);
  return body.length >= length ? { status, head, body: body.subarray(0, length) } : undefined;
}
