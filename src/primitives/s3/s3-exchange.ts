import { monotonicMs } from "../monotonic-clock.ts";
import type { ByteRange } from "./byte-range.ts";
import type { Outage } from "./outage.ts";
import { type DownloadResponse, openPlainDownload } from "./plain-download.ts";
import {
  type ByteReader,
  lengthOf,
  ofLength,
  readLong,
  StalledError,
  WatchedReader,
} from "./response-body.ts";
import type { S3Credentials } from "./s3-credentials.ts";
import type { S3Location } from "./s3-location.ts";
import { type S3Request, usualPause, usualTimeout } from "./s3-request.ts";
import { S3Signer, type SignedRequest } from "./s3-signer.ts";

export interface S3Response {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  /** The whole body, but for a streamed one. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The body of a streamed response of success. */
  readonly reader?: ByteReader | undefined;
}

export interface S3ExchangeOptions {
  /** How long the server may take until its response begins, and between pieces of its body, in milliseconds. */
  readonly timeoutMs: number;
  /** See `S3ClientOptions`. */
  readonly ca: string | undefined;
}

/** The server has not responded in time. */
export class LateError extends Error {
  constructor(ms: number) {
    super(`no response within ${ms} ms`);
  }
}

/** The response has begun, and the rest of it did not come. */
export class BrokenBodyError extends Error {
  /** How long nothing came, in milliseconds. */
  readonly silentMs: number;

  constructor(silentMs: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.silentMs = silentMs;
  }
}

/** Bodies up to this size (bytes) are hashed for the signature where TLS is in use as well. */
const MAX_HASHED_WITH_TLS = 64 * 1024;
/** Variables by which `fetch` finds a proxy for HTTP. */
const PROXIES: readonly string[] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
const EMPTY = new Uint8Array();
/** Bodies of up to so many bytes are read in one step, which may take as long as the head. */
const MAX_SHORT = 64 * 1024;

/** Sends signed requests, each once, and bounds how long it waits. */
export class S3Exchange {
  readonly #location: S3Location;
  readonly #timeoutMs: number;
  readonly #tls: { readonly tls: { readonly ca: string } } | undefined;
  readonly #isPlain: boolean;
  readonly #outage: Outage;
  readonly #signer: S3Signer;
  #sent = 0;

  constructor(location: S3Location, { timeoutMs, ca }: S3ExchangeOptions, outage: Outage) {
    this.#location = location;
    this.#timeoutMs = timeoutMs;
    this.#tls = ca === undefined ? undefined : { tls: { ca } };
    this.#isPlain = location.endpoint.startsWith("http:") && !PROXIES.some((name) => process.env[name]);
    this.#outage = outage;
    this.#signer = new S3Signer(location);
  }

  /** Requests so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether ranges can be had over connections of their own: not with TLS, and not through a proxy. */
  get isPlain(): boolean {
    return this.#isPlain;
  }

  /** `began` is called with the head of the response. Rejects with `BrokenBodyError` for what fails after that. */
  async send(
    request: S3Request,
    credentials: S3Credentials,
    began: (response: Response) => void,
  ): Promise<S3Response> {
    const { method, body } = request;
    const signed = await this.#sign(request, credentials);
    const abort = new AbortController();
    const ms = this.#outage.patience(request.timeoutMs ?? usualTimeout(request, this.#timeoutMs));
    let response: Response | undefined;
    const timer = setTimeout(() => abort.abort(response ? new StalledError(ms) : new LateError(ms)), ms);
    try {
      response = await fetch(signed.url, {
        method,
        headers: signed.headers,
        signal: abort.signal,
        redirect: "manual",
        ...this.#tls,
        ...(body && { body }),
      });
      began(response);
      const { status, ok, headers } = response;
      if (request.isStreamed && ok)
        return { status, ok, headers, bytes: EMPTY, reader: this.#reader(response) };
      const bytes = method === "HEAD" ? EMPTY : await this.#read(request, response, timer);
      return { status, ok, headers, bytes };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks for a range over a connection of its own. */
  async download(
    request: S3Request,
    range: ByteRange,
    credentials: S3Credentials,
  ): Promise<DownloadResponse> {
    const signed = await this.#sign(request, credentials);
    const ms = this.#outage.patience(usualTimeout(request, this.#timeoutMs));
    const { head, download } = await openPlainDownload(signed, range, ms);
    return { head, download: download && this.#watched(download) };
  }

  presign(key: string, seconds: number, credentials: S3Credentials, at: Date): Promise<string> {
    return this.#signer.presign(this.#path(key), seconds, credentials, at);
  }

  /** `timer` ends the request. */
  async #read(request: S3Request, response: Response, timer: Timer): Promise<Uint8Array<ArrayBuffer>> {
    const begun = monotonicMs();
    const length = lengthOf(response);
    try {
      if (length === 0) return EMPTY;
      if (length !== undefined && length <= MAX_SHORT) {
        timer.refresh();
        return ofLength(new Uint8Array(await response.arrayBuffer()), length);
      }
      clearTimeout(timer);
      const ms = this.#outage.patience(usualPause(request, this.#timeoutMs));
      return ofLength(await readLong(response, ms), length);
    } catch (error) {
      // What came meanwhile is not known: no more than this was silence.
      const ms = error instanceof StalledError ? error.ms : 0;
      throw new BrokenBodyError(Math.min(monotonicMs() - begun, ms), error);
    }
  }

  #reader(response: Response): ByteReader {
    return this.#watched((response.body ?? new Blob([]).stream()).getReader() as ByteReader);
  }

  /** The bytes of a response that its consumer reads. That they come, or don't, counts as an answer, or none. */
  #watched(reader: ByteReader): ByteReader {
    const ms = usualPause({ method: "GET", isRepeatable: true }, this.#timeoutMs);
    return new WatchedReader(reader, {
      ms,
      came: () => this.#outage.answered(),
      stalled: () => this.#outage.failed(ms),
    });
  }

  #sign(request: S3Request, credentials: S3Credentials): Promise<SignedRequest> {
    const { method, key, query = {}, headers = {}, body, signedAt } = request;
    this.#sent++;
    return this.#signer.sign(
      {
        ...{ method, query, headers, path: this.#path(key), at: signedAt ?? new Date() },
        payloadHash: body && this.#payloadHash(body),
      },
      credentials,
    );
  }

  /** TLS protects large bodies already, and hashing them costs as much as all the rest. */
  #payloadHash(body: Uint8Array<ArrayBuffer>): string {
    const isProtected = this.#location.endpoint.startsWith("https:") && body.length > MAX_HASHED_WITH_TLS;
    return isProtected ? "UNSIGNED-PAYLOAD" : new Bun.CryptoHasher("sha256").update(body).digest("hex");
  }

  /** Where the object is on the server; the bucket without a key. */
  #path(key: string | undefined): string {
    const { bucket, prefix } = this.#location;
    return [bucket, ...(key === undefined ? [] : [prefix, key])].filter((part) => part !== "").join("/");
  }
}

/** The body as text. */
export function textOf({ bytes: { buffer, byteOffset, length } }: S3Response): string {
  return Buffer.from(buffer, byteOffset, length).toString();
}
