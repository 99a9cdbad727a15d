import type { Socket } from "bun";
import type { ByteRange } from "./byte-range.ts";
import type { SignedRequest } from "./s3-signer.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Piece =
  | { readonly done: true; readonly value?: undefined }
  | { readonly done: false; readonly value: Bytes };

/** A response to a request for a range. Without a download where it is not just these bytes. */
export interface DownloadResponse {
  readonly head: Response;
  readonly download: PlainDownload | undefined;
}

/** Heads beyond so many bytes are refused. */
const MAX_HEAD_BYTES = 64 * 1024;
const HEAD_END = "\r\n\r\n";
const END: Piece = { done: true };

/**
 * Reads a range of an object over a TCP connection of its own, without TLS, in pieces of up to half a MiB. `fetch` hands the bytes
 * from thread to thread in smaller pieces, for nearly twice the processor time. Nothing is read before it is asked for but for one
 * piece.
 */
export class PlainDownload {
  readonly #range: ByteRange;
  readonly #response = Promise.withResolvers<DownloadResponse>();
  readonly #pieces: Bytes[] = [];
  #socket: Socket | undefined;
  /** What has come of the head; `undefined` once it is whole. */
  #head: Buffer | undefined = Buffer.alloc(0);
  /** Bytes that have still to come. */
  #left: number;
  #waiting: PromiseWithResolvers<Piece> | undefined;
  #failure: Error | undefined;

  /** Rejects where no response comes within `ms` milliseconds. */
  static async open(
    { url, headers }: SignedRequest,
    range: ByteRange,
    ms: number,
  ): Promise<DownloadResponse> {
    const download = new PlainDownload(range);
    const timer = setTimeout(() => download.#fail(new Error(`no response within ${ms} ms`)), ms);
    try {
      download.#connect(new URL(url), headers);
      const response = await download.#response.promise;
      if (!response.download) await download.cancel();
      return response;
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(range: ByteRange) {
    this.#range = range;
    this.#left = range.last - range.first + 1;
  }

  /** The next bytes; `done` after the last. Rejects where the connection breaks off before. For one reader. */
  read(): Promise<Piece> {
    const value = this.#pieces.shift();
    if (value) return Promise.resolve({ done: false, value });
    if (this.#left === 0) return Promise.resolve(END);
    if (this.#failure) return Promise.reject(this.#failure);
    this.#waiting = Promise.withResolvers();
    this.#socket?.resume();
    return this.#waiting.promise;
  }

  /** Ends the connection, and the read that waits. */
  async cancel(): Promise<void> {
    this.#left = 0;
    this.#pieces.length = 0;
    this.#settle((waiting) => waiting.resolve(END));
    this.#socket?.terminate();
  }

  #connect(url: URL, headers: Headers): void {
    const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const request = `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n${lines}\r\n`;
    Bun.connect({
      hostname: url.hostname.replaceAll(/[[\]]/g, ""),
      port: Number(url.port || 80),
      socket: {
        open: (socket) => {
          this.#socket = socket;
          if (this.#failure) socket.terminate();
          else socket.write(request);
        },
        data: (_, bytes) => this.#take(bytes as Buffer<ArrayBuffer>),
        close: () => this.#fail(new Error("the connection broke off")),
        error: (_, error) => this.#fail(error),
      },
    }).catch((error: Error) => this.#fail(error));
  }

  #take(received: Buffer<ArrayBuffer>): void {
    const bytes = this.#head ? this.#takeHead(this.#head, received) : received;
    if (!bytes || bytes.length === 0 || this.#left === 0) return;
    if (bytes.length > this.#left) {
      this.#fail(new Error("too many bytes came"));
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
    const head = headOf(read.toString("latin1", 0, end));
    if (!head) {
      this.#fail(new Error("the response is not HTTP/1.1"));
      return undefined;
    }
    const isWanted = holdsOnly(head, this.#range);
    this.#response.resolve({ head, download: isWanted ? this : undefined });
    return isWanted ? new Uint8Array(read.subarray(end + HEAD_END.length)) : undefined;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#response.reject(error);
    if (this.#left > 0) this.#settle((waiting) => waiting.reject(error));
    this.#socket?.terminate();
  }

  #settle(how: (waiting: PromiseWithResolvers<Piece>) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) how(waiting);
  }
}

function headOf(text: string): Response | undefined {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const [, status] = statusLine.match(/^HTTP\/1\.1 ([2-5]\d\d)(?: |$)/) ?? [];
  if (status === undefined) return undefined;
  const headers = new Headers();
  try {
    for (const line of lines) {
      const at = line.indexOf(":");
      headers.append(line.slice(0, at), line.slice(at + 1).trim());
    }
  } catch {
    return undefined;
  }
  return new Response(null, { status: Number(status), headers });
}

/** Whether the body consists of the bytes of the range and nothing else. */
function holdsOnly({ status, headers }: Response, { first, last }: ByteRange): boolean {
  return (
    status === 206 &&
    headers.get("content-length") === String(last - first + 1) &&
    (headers.get("content-range") ?? "").startsWith(`bytes ${first}-${last}/`) &&
    headers.get("transfer-encoding") === null &&
    headers.get("content-encoding") === null
  );
}
