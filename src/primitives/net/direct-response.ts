import type { Socket, TLSOptions } from "bun";

type Bytes = Uint8Array<ArrayBuffer>;
type Piece =
  | { readonly done: true; readonly value?: undefined }
  | { readonly done: false; readonly value: Bytes };

export interface DirectRequest {
  /** A host name or address, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** With TLS: the name that the certificate must have, and the CAs (PEM) in place of all known ones. */
  readonly tls?: { readonly serverName: string; readonly ca?: readonly string[] | undefined } | undefined;
  readonly path: string;
  /** With `Host`. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
}

/** No response has begun within the time. */
export class NoResponseError extends Error {}

/** Heads beyond so many bytes are refused. */
const MAX_HEAD_BYTES = 64 * 1024;
const HEAD_END = "\r\n\r\n";
const END: Piece = { done: true };

/**
 * The response to a GET over a connection of its own, in pieces of up to half a MiB. `fetch` and `node:http` hand the bytes on in
 * smaller pieces or through more layers, for about twice the processor time. Nothing is read before it is asked for but for one
 * piece. Only what HTTP servers usually send is understood: callers leave the rest to `fetch` or `node:http`.
 */
export class DirectResponse {
  /** By `open`. */
  status = 0;
  headers = new Headers();
  /** Of the body in bytes; `undefined` where it can't be read in this way: the caller cancels. */
  length: number | undefined;
  readonly #begun = Promise.withResolvers<void>();
  readonly #pieces: Bytes[] = [];
  #socket: Socket | undefined;
  /** What has come of the head; `undefined` once it is whole. */
  #head: Buffer | undefined = Buffer.alloc(0);
  /** Bytes of the body that have still to come. */
  #left = 0;
  #waiting: PromiseWithResolvers<Piece> | undefined;
  #failure: Error | undefined;

  /**
   * Rejects where no response comes within `ms` milliseconds, by `NoResponseError`, or one that is not understood. `signal` ends
   * the waiting for it.
   */
  static async open(request: DirectRequest, ms: number, signal?: AbortSignal): Promise<DirectResponse> {
    const response = new DirectResponse();
    const silent = () => response.#fail(new NoResponseError(`no response within ${ms} ms`));
    const timer = setTimeout(silent, ms);
    const aborted = () => response.#fail(new Error("the request was aborted"));
    signal?.addEventListener("abort", aborted);
    try {
      response.#connect(request);
      await response.#begun.promise;
      return response;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    }
  }

  private constructor() {
    this.#begun.promise.catch(() => undefined);
  }

  /** Whether all bytes have come. */
  get isComplete(): boolean {
    return this.#head === undefined && this.#left === 0;
  }

  /** The next bytes; `done` after the last. Rejects where the connection breaks off before. For one reader. */
  read(): Promise<Piece> {
    const value = this.#pieces.shift();
    if (value) return Promise.resolve({ done: false, value });
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#left === 0) return Promise.resolve(END);
    this.#waiting = Promise.withResolvers();
    this.#socket?.resume();
    return this.#waiting.promise;
  }

  /** Ends the connection, and the read that waits: that ends as if the body did, or rejects with `error`. */
  async cancel(error?: Error): Promise<void> {
    if (error) this.#fail(error);
    this.#left = 0;
    this.#pieces.length = 0;
    this.#settle((waiting) => waiting.resolve(END));
    this.#socket?.terminate();
  }

  #connect({ hostname, port, tls, path, headers }: DirectRequest): void {
    const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `GET ${path} HTTP/1.1\r\n${lines.join("")}Connection: close\r\n\r\n`;
    if (/[\r\n]/.test(`${path}${[...headers].flat().join("")}`)) throw new Error("a header has a line break");
    const send = (socket: Socket) => {
      if (socket.write(head) < head.length) this.#fail(new Error("the request could not be sent"));
    };
    Bun.connect({
      hostname,
      port,
      ...(tls && { tls: tlsOptions(tls) }),
      socket: {
        open: (socket) => {
          this.#socket = socket;
          if (this.#failure) socket.terminate();
          else if (!tls) send(socket);
        },
        handshake: (socket, isDone, error) => {
          if (!tls) return;
          if (isDone && error === null && socket.authorized) send(socket);
          else this.#fail(error ?? new Error("the handshake failed"));
        },
        data: (_, bytes) => this.#take(bytes as Buffer<ArrayBuffer>),
        close: () => this.#fail(brokenOff()),
        error: (_, error) => this.#fail(error),
      },
    }).catch((error: Error) => this.#fail(error));
  }

  #take(received: Buffer<ArrayBuffer>): void {
    const bytes = this.#head ? this.#takeHead(this.#head, received) : received;
    if (!bytes || bytes.length === 0 || this.#failure) return;
    if (bytes.length > this.#left) {
      if (this.#left > 0) this.#fail(new Error("too many bytes came"));
      return;
    }
    this.#left -= bytes.length;
    if (this.#left > 0) this.#socket?.pause();
    else this.#socket?.end();
    if (this.#waiting) this.#settle((waiting) => waiting.resolve({ done: false, value: bytes }));
    else this.#pieces.push(bytes);
  }

  /** Returns what follows the head, once that is whole. */
  #takeHead(before: Buffer, received: Buffer<ArrayBuffer>): Bytes | undefined {
    const read = Buffer.concat([before, received]);
    const end = read.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = read;
      if (read.length > MAX_HEAD_BYTES) this.#fail(new Error("the head of the response is too long"));
      return undefined;
    }
    this.#head = undefined;
    const head = parseHead(read.toString("latin1", 0, end));
    if (!head) {
      this.#fail(new Error("the response is not HTTP/1.1"));
      return undefined;
    }
    this.status = head.status;
    this.headers = head.headers;
    this.length = lengthIn(head);
    this.#left = this.length ?? 0;
    if (this.#left === 0) this.#socket?.end();
    this.#begun.resolve();
    return new Uint8Array(read.subarray(end + HEAD_END.length));
  }

  #fail(error: Error): void {
    if (!this.isComplete) this.#failure ??= error;
    this.#begun.reject(error);
    if (this.#left > 0) this.#settle((waiting) => waiting.reject(error));
    this.#socket?.terminate();
  }

  #settle(how: (waiting: PromiseWithResolvers<Piece>) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) how(waiting);
  }
}

function tlsOptions({ serverName, ca }: NonNullable<DirectRequest["tls"]>): TLSOptions {
  return { serverName, rejectUnauthorized: true, ...(ca && { ca: [...ca] }) };
}

function brokenOff(): Error {
  return Object.assign(new Error("the connection broke off"), { code: "ConnectionClosed" });
}

interface Head {
  readonly status: number;
  readonly headers: Headers;
}

function parseHead(text: string): Head | undefined {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const [, status] = statusLine.match(/^HTTP\/1\.1 ([2-5]\d\d)(?: |$)/) ?? [];
  if (status === undefined) return undefined;
  const headers = new Headers();
  try {
    for (const line of lines) {
      const [, name, value] = line.match(/^([^:\s]+):(.*)$/) ?? [];
      if (name === undefined || value === undefined) return undefined;
      headers.append(name, value.trim());
    }
  } catch {
    return undefined;
  }
  return { status: Number(status), headers };
}

function lengthIn({ status, headers }: Head): number | undefined {
  if (headers.get("transfer-encoding") !== null) return undefined;
  if (status === 204 || status === 304) return 0;
  const length = headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}
