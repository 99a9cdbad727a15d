import { monotonicMs } from "../monotonic-clock.ts";
import type { ByteRange } from "./byte-range.ts";
import type { CredentialSource } from "./credential-source.ts";
import { fetchFailure } from "./fetch-failure.ts";
import { Outage } from "./outage.ts";
import type { DownloadResponse } from "./plain-download.ts";
import type { ByteReader } from "./response-body.ts";
import { RetryBudget } from "./retry-budget.ts";
import type { S3Credentials } from "./s3-credentials.ts";
import { S3RefusedError, S3UnavailableError } from "./s3-errors.ts";
import { BrokenBodyError, LateError, S3Exchange, type S3Response, textOf } from "./s3-exchange.ts";
import type { S3Location } from "./s3-location.ts";
import { newS3Memory, type S3Memory } from "./s3-memory.ts";
import { refusalOf } from "./s3-refusal.ts";
import { operationOf, type S3Request, TIMEOUT_MS } from "./s3-request.ts";
import { outcomeOf, S3Traffic } from "./s3-traffic.ts";
import { parseErrorBody } from "./s3-xml.ts";

export interface S3ClientOptions {
  /** How long the server may take until its response begins, and between pieces of its body, in milliseconds. */
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
/** A read is not repeated any more once its client has waited for so long (ms). */
const MAX_READ_MS = 5000;
/** Statuses that a retry may change. */
const RETRIED: readonly number[] = [429, 500, 502, 503, 504];
/** Statuses that are results: not found, a condition that does not hold, a conflict of writers, a range beyond the end. */
const RESULTS: readonly number[] = [404, 409, 412, 416];

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

/** Sends signed requests to one bucket. */
export class S3Client {
  readonly location: S3Location;
  readonly #credentials: CredentialSource;
  readonly #pauseMs: number;
  readonly #maxAttempts: number;
  readonly #budget: RetryBudget;
  readonly #outage: Outage;
  readonly #traffic: S3Traffic;
  readonly #exchange: S3Exchange;
  /** How much the store's clock is ahead of this machine's, in milliseconds. */
  #ahead = 0;

  constructor(location: S3Location, credentials: CredentialSource, options: S3ClientOptions = {}) {
    this.location = location;
    this.#credentials = credentials;
    const { memory = newS3Memory(), ca, timeoutMs = TIMEOUT_MS } = options;
    this.#pauseMs = options.pauseMs ?? PAUSE_MS;
    this.#maxAttempts = options.maxAttempts ?? MAX_ATTEMPTS;
    this.#budget = new RetryBudget(memory.budget);
    this.#outage = new Outage(memory.outage);
    this.#traffic = new S3Traffic(memory.traffic);
    this.#exchange = new S3Exchange(location, { timeoutMs, ca }, this.#outage);
  }

  /** Requests sent so far, with retries. */
  get requests(): number {
    return this.#exchange.sent;
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
  async send(request: S3Request): Promise<S3Response> {
    const first = monotonicMs();
    for (let attempt = 1; ; attempt++) {
      if (this.#outage.isOn) {
        this.#traffic.requestWithheld();
        if (this.#outage.isLookDue()) void this.#look();
        throw this.#unavailable("it could not be used for some seconds");
      }
      const began = monotonicMs();
      const outcome = await this.#attempt(request, began);
      if (!(outcome instanceof S3UnavailableError)) {
        this.#budget.succeeded();
        return outcome;
      }
      if (!isLockedOut(request, outcome)) this.#failed(outcome, began);
      if (!request.isRepeatable || attempt >= this.#maxAttempts || this.#outage.isOn) throw outcome;
      if (isRead(request) && monotonicMs() - first >= MAX_READ_MS) throw outcome;
      if (!this.#budget.spend()) {
        this.#traffic.retryWithheld();
        throw outcome;
      }
      this.#traffic.retried();
      const pause = Math.min(this.#pauseMs * 2 ** (attempt - 1), MAX_PAUSE_MS);
      await Bun.sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  /**
   * Opens a range that is worth a connection of its own. `undefined` where it can't be had so: `send` then says what is wrong.
   * With TLS, and through a proxy, bytes come by way of `send` alone.
   */
  async download(key: string, range: ByteRange): Promise<ByteReader | undefined> {
    if (!this.#exchange.isPlain || this.#outage.isOn) return undefined;
    const headers = { Range: `bytes=${range.first}-${range.last}` };
    const request: S3Request = { method: "GET", key, headers, isRepeatable: true };
    const credentials = await this.#credentials();
    const began = monotonicMs();
    let response: DownloadResponse | undefined;
    try {
      response = await this.#exchange.download(request, range, credentials);
    } catch {
      this.#outage.failed(monotonicMs() - began);
    }
    this.#count(request, (monotonicMs() - began) / 1000, response?.head);
    return response?.download;
  }

  /** Looks whether the server is back; any answer will do, if it comes whole. Never rejects. */
  async #look(): Promise<void> {
    const began = monotonicMs();
    try {
      const outcome = await this.#attempt({ method: "GET", key: "everlock.json", isRepeatable: true }, began);
      if (outcome instanceof S3UnavailableError) this.#failed(outcome, began);
    } catch {
      // A refusal is an answer.
    }
  }

  /** An address at which anyone can get the object for so many seconds. */
  async presign(key: string, seconds: number): Promise<string> {
    // The clock of this node may be behind by more than the address is valid.
    return this.#exchange.presign(key, seconds, await this.#credentials(), this.storeTime);
  }

  /** Once more with newer keys, if there are any, where the keys were refused. */
  async #attempt(request: S3Request, began: number): Promise<S3Response | S3UnavailableError> {
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
  ): Promise<S3Response | S3UnavailableError> {
    let response: S3Response;
    let seconds: number | undefined;
    try {
      response = await this.#exchange.send(request, credentials, (head) => {
        seconds = (monotonicMs() - began) / 1000;
        this.#noteTime(head);
      });
    } catch (error) {
      this.#count(request, seconds ?? (monotonicMs() - began) / 1000);
      return this.#unavailable(fetchFailure(error), error);
    }
    const { ok, status, reader } = response;
    this.#count(request, seconds ?? 0, response);
    // Of a streamed body, the first bytes are the answer.
    if (!reader && !RETRIED.includes(status)) this.#outage.answered();
    if (ok || (RESULTS.includes(status) && status !== 404)) return response;
    const { code, message } = parseErrorBody(textOf(response));
    // Not only objects can be missing: so can the bucket, or the user of the access key.
    if (status === 404 && (code === undefined || MISSING.includes(code))) return response;
    const words = `${status} ${code ?? ""} ${message ?? ""}`.trim().replaceAll(/\s+/g, " ");
    if (RETRIED.includes(status)) return this.#unavailable(words);
    throw refusalOf(this.location, code ?? String(status), words);
  }

  /** An attempt that began then has failed so. */
  #failed({ cause }: S3UnavailableError, began: number): void {
    this.#outage.failed(cause instanceof BrokenBodyError ? cause.silentMs : monotonicMs() - began);
  }

  #count(
    request: S3Request,
    seconds: number,
    response?: Pick<S3Response, "status" | "ok" | "headers">,
  ): void {
    const operation = operationOf(request);
    const hasBytes = operation === "get" && response?.ok;
    this.#traffic.ended({
      operation,
      outcome: response ? outcomeOf(response.status) : "unanswered",
      seconds,
      sent: request.body?.length ?? 0,
      received: hasBytes ? Number(response.headers.get("content-length") ?? 0) : 0,
    });
  }

  #noteTime({ headers }: Pick<S3Response, "headers">): void {
    const time = Date.parse(headers.get("date") ?? "");
    if (!Number.isNaN(time)) this.#ahead = time - Date.now();
  }

  #unavailable(words: string, cause?: unknown): S3UnavailableError {
    return new S3UnavailableError(`the object store ${this.location.endpoint} fails: ${words}`, { cause });
  }
}

function isRead(request: S3Request): boolean {
  const operation = operationOf(request);
  return operation === "get" || operation === "head";
}

/** Writers of one object may wait for each other for seconds at some stores, such as SeaweedFS, while reads are quick. */
function isLockedOut({ headers = {} }: S3Request, { cause }: S3UnavailableError): boolean {
  const isConditional = headers["If-None-Match"] !== undefined || headers["If-Match"] !== undefined;
  return isConditional && cause instanceof LateError;
}
