import { monotonicMs } from "../monotonic-clock.ts";
import type { ByteRange } from "./byte-range.ts";
import type { CredentialSource } from "./credential-source.ts";
import { fetchFailure } from "./fetch-failure.ts";
import { Outage } from "./outage.ts";
import { type DownloadResponse, openPlainDownload, type PlainDownload } from "./plain-download.ts";
import { RetryBudget } from "./retry-budget.ts";
import type { S3Credentials } from "./s3-credentials.ts";
import { S3RefusedError, S3UnavailableError } from "./s3-errors.ts";
import type { S3Location } from "./s3-location.ts";
import { newS3Memory, type S3Memory } from "./s3-memory.ts";
import { refusalOf } from "./s3-refusal.ts";
import { operationOf, type S3Request, TIMEOUT_MS, usualTimeout } from "./s3-request.ts";
import { S3Signer, type SignedRequest } from "./s3-signer.ts";
import { outcomeOf, S3Traffic } from "./s3-traffic.ts";
import { parseErrorBody } from "./s3-xml.ts";

export interface S3ClientOptions {
  /** How long the server may take until its response begins, in milliseconds. */
  readonly timeoutMs?: number;
  /** Pause before the first retry, in milliseconds; doubled after each, with jitter. */
  readonly pauseMs?: number;
  readonly maxAttempts?: number;
  /** Certificates (PEM) of the CAs that the server's may be from, in place of all known ones. */
  readonly ca?: string | undefined;
  /** Shared with the clients of other threads. */
  readonly memory?: S3Memory;
}

const PAUSE_MS = 50;
const MAX_PAUSE_MS = 2000;
const MAX_ATTEMPTS = 4;
/** Bodies up to this size (bytes) are hashed for the signature where TLS is in use as well. */
const MAX_HASHED_WITH_TLS = 64 * 1024;
/** Statuses that a retry may change. */
const RETRIED: readonly number[] = [429, 500, 502, 503, 504];
/** Statuses that are results: not found, a condition that does not hold, a conflict of writers, a range beyond the end. */
const RESULTS: readonly number[] = [404, 409, 412, 416];

/** Variables by which `fetch` finds a proxy for HTTP. */
const PROXIES: readonly string[] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/** Error codes of keys that are not valid, or not any more. */
const OF_KEYS: readonly string[] = [
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidToken",
  "SignatureDoesNotMatch",
  "TokenRefreshRequired",
  "XAdminUserNotFound",
];

/** Error codes of a missing object. */
const MISSING: readonly string[] = ["NoSuchKey", "NoSuchUpload", "NotFound"];

/** The server has not responded in time. */
class LateError extends Error {}

/** Sends signed requests to one bucket. */
export class S3Client {
  readonly location: S3Location;
  readonly #credentials: CredentialSource;
  readonly #options: Required<Omit<S3ClientOptions, "memory" | "ca">>;
  readonly #isPlain: boolean;
  readonly #tls: { readonly tls: { readonly ca: string } } | undefined;
  readonly #budget: RetryBudget;
  readonly #outage: Outage;
  readonly #traffic: S3Traffic;
  readonly #signer: S3Signer;
  #requests = 0;
  /** How much the store's clock is ahead of this machine's, in milliseconds. */
  #ahead = 0;

  constructor(location: S3Location, credentials: CredentialSource, options: S3ClientOptions = {}) {
    this.location = location;
    this.#credentials = credentials;
    const { memory = newS3Memory(), ca, ...rest } = options;
    this.#tls = ca === undefined ? undefined : { tls: { ca } };
    this.#options = { timeoutMs: TIMEOUT_MS, pauseMs: PAUSE_MS, maxAttempts: MAX_ATTEMPTS, ...rest };
    this.#isPlain = location.endpoint.startsWith("http:") && !PROXIES.some((name) => process.env[name]);
    this.#signer = new S3Signer(location);
    this.#budget = new RetryBudget(memory.budget);
    this.#outage = new Outage(memory.outage);
    this.#traffic = new S3Traffic(memory.traffic);
  }

  /** Requests sent so far, with retries. */
  get requests(): number {
    return this.#requests;
  }

  /** Whether the store has given no answer for some seconds. */
  get isAway(): boolean {
    return this.#outage.isOn;
  }

  /** The time by the store's clock, as its last response told it; exact to seconds. */
  get storeTime(): Date {
    return new Date(Date.now() + this.#ahead);
  }

  /**
   * Resolves with responses of success, and with 404, 409, 412 and 416. Rejects with `S3RefusedError` for what a retry does
   * not change, and with `S3UnavailableError`: then a request that is not repeatable may have been done.
   */
  async send(request: S3Request): Promise<Response> {
    const { maxAttempts, pauseMs } = this.#options;
    for (let attempt = 1; ; attempt++) {
      if (this.#outage.isOn) {
        this.#traffic.requestWithheld();
        if (this.#outage.isLookDue()) void this.#look();
        throw this.#unavailable("it could not be used for some seconds");
      }
      const began = monotonicMs();
      const outcome = await this.#attempt(request, began);
      if (outcome instanceof Response) {
        this.#budget.succeeded();
        return outcome;
      }
      if (!isLockedOut(request, outcome)) this.#outage.failed(monotonicMs() - began);
      if (!request.isRepeatable || attempt >= maxAttempts || this.#outage.isOn) throw outcome;
      if (!this.#budget.spend()) {
        this.#traffic.retryWithheld();
        throw outcome;
      }
      this.#traffic.retried();
      const pause = Math.min(pauseMs * 2 ** (attempt - 1), MAX_PAUSE_MS);
      await Bun.sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  /**
   * Opens a range that is worth a connection of its own. `undefined` where it can't be had so: `send` then says what is wrong.
   * With TLS, and through a proxy, bytes come by way of `send` alone.
   */
  async download(key: string, range: ByteRange): Promise<PlainDownload | undefined> {
    if (!this.#isPlain || this.#outage.isOn) return undefined;
    const headers = { Range: `bytes=${range.first}-${range.last}` };
    const request: S3Request = { method: "GET", key, headers, isRepeatable: true };
    const signed = await this.#sign(request, await this.#credentials());
    const began = monotonicMs();
    let response: DownloadResponse | undefined;
    try {
      response = await openPlainDownload(signed, range, this.#patience(request));
    } catch {
      this.#outage.failed(monotonicMs() - began);
    }
    this.#count(request, began, response?.head);
    if (response?.download) this.#outage.answered();
    return response?.download;
  }

  /** Looks whether the server is back; any answer will do. Never rejects. */
  async #look(): Promise<void> {
    const began = monotonicMs();
    try {
      const outcome = await this.#attempt(
        { method: "HEAD", key: "everlock.json", isRepeatable: true },
        began,
      );
      if (!(outcome instanceof Response)) this.#outage.failed(monotonicMs() - began);
    } catch {
      // A refusal is an answer.
    }
  }

  /** An address at which anyone can get the object for so many seconds. */
  async presign(key: string, seconds: number): Promise<string> {
    // The clock of this node may be behind by more than the address is valid.
    return this.#signer.presign(this.#path(key), seconds, await this.#credentials(), this.storeTime);
  }

  /** Once more with newer keys, if there are any, where the keys were refused. */
  async #attempt(request: S3Request, began: number): Promise<Response | S3UnavailableError> {
    const known = this.#credentials();
    const credentials = known instanceof Promise ? await known : known;
    try {
      return await this.#attemptWith(credentials, request, began);
    } catch (error) {
      if (!(error instanceof S3RefusedError && OF_KEYS.includes(error.code))) throw error;
      const renewed = await this.#credentials(true);
      if (Bun.deepEquals(renewed, credentials)) throw error;
      return this.#attemptWith(renewed, request, began);
    }
  }

  /** Returns a failure that a retry may mend; throws the others. */
  async #attemptWith(
    credentials: S3Credentials,
    request: S3Request,
    began: number,
  ): Promise<Response | S3UnavailableError> {
    let response: Response;
    try {
      response = await this.#fetch(request, credentials);
    } catch (error) {
      this.#count(request, began);
      return this.#unavailable(fetchFailure(error), error);
    }
    this.#count(request, began, response);
    const { ok, status } = response;
    this.#noteTime(response);
    if (!RETRIED.includes(status)) this.#outage.answered();
    if (ok || (RESULTS.includes(status) && status !== 404)) return response;
    const { code, message } = parseErrorBody(await response.text().catch(() => ""));
    // Not only objects can be missing: so can the bucket, or the user of the access key.
    if (status === 404 && (code === undefined || MISSING.includes(code)))
      return new Response(null, { status });
    const words = `${status} ${code ?? ""} ${message ?? ""}`.trim().replaceAll(/\s+/g, " ");
    if (RETRIED.includes(status)) return this.#unavailable(words);
    throw refusalOf(this.location, code ?? String(status), words);
  }

  #count(request: S3Request, began: number, response?: Response): void {
    const operation = operationOf(request);
    const hasBytes = operation === "get" && response?.ok;
    this.#traffic.ended({
      operation,
      outcome: response ? outcomeOf(response.status) : "unanswered",
      seconds: (monotonicMs() - began) / 1000,
      sent: request.body?.length ?? 0,
      received: hasBytes ? Number(response.headers.get("content-length") ?? 0) : 0,
    });
  }

  #noteTime({ headers }: Response): void {
    const time = Date.parse(headers.get("date") ?? "");
    if (!Number.isNaN(time)) this.#ahead = time - Date.now();
  }

  async #fetch(request: S3Request, credentials: S3Credentials): Promise<Response> {
    const { method, body } = request;
    const signed = await this.#sign(request, credentials);
    const deadline = new AbortController();
    const ms = this.#patience(request);
    const timer = setTimeout(() => deadline.abort(new LateError(`no response within ${ms} ms`)), ms);
    try {
      return await fetch(signed.url, {
        method,
        headers: signed.headers,
        signal: deadline.signal,
        redirect: "manual",
        ...this.#tls,
        ...(body && { body }),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #sign(request: S3Request, credentials: S3Credentials): Promise<SignedRequest> {
    const { method, key, query = {}, headers = {}, body, signedAt } = request;
    this.#requests++;
    return this.#signer.sign(
      {
        ...{ method, query, headers, path: this.#path(key), at: signedAt ?? new Date() },
        payloadHash: body && this.#payloadHash(body),
      },
      credentials,
    );
  }

  /** How long the head of the response may take, in milliseconds. */
  #patience(request: S3Request): number {
    return this.#outage.patience(request.timeoutMs ?? usualTimeout(request, this.#options.timeoutMs));
  }

  /** TLS protects large bodies already, and hashing them costs as much as all the rest. */
  #payloadHash(body: Uint8Array<ArrayBuffer>): string {
    const isProtected = this.location.endpoint.startsWith("https:") && body.length > MAX_HASHED_WITH_TLS;
    return isProtected ? "UNSIGNED-PAYLOAD" : hashOf(body);
  }

  /** Where the object is on the server; the bucket without a key. */
  #path(key: string | undefined): string {
    const { bucket, prefix } = this.location;
    return [bucket, ...(key === undefined ? [] : [prefix, key])].filter((part) => part !== "").join("/");
  }

  #unavailable(words: string, cause?: unknown): S3UnavailableError {
    return new S3UnavailableError(`the object store ${this.location.endpoint} fails: ${words}`, { cause });
  }
}

/** Writers of one object may wait for each other for seconds at some stores, such as SeaweedFS, while reads are quick. */
function isLockedOut({ headers = {} }: S3Request, { cause }: S3UnavailableError): boolean {
  const isConditional = headers["If-None-Match"] !== undefined || headers["If-Match"] !== undefined;
  return isConditional && cause instanceof LateError;
}

function hashOf(body: Uint8Array<ArrayBuffer>): string {
  return new Bun.CryptoHasher("sha256").update(body).digest("hex");
}
