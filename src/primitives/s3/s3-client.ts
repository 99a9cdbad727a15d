import { AwsV4Signer } from "aws4fetch";
import { messageOf } from "../expected-error.ts";
import { monotonicMs } from "../monotonic-clock.ts";
import { Outage } from "./outage.ts";
import { RetryBudget } from "./retry-budget.ts";
import type { S3Credentials } from "./s3-credentials.ts";
import { S3RefusedError, S3UnavailableError } from "./s3-errors.ts";
import type { S3Location } from "./s3-location.ts";
import { parseErrorBody } from "./s3-xml.ts";

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Below the prefix; without one, the request is about the bucket. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** The time of the signature, where it must not be valid for longer than 15 minutes from then on; default: now. */
  readonly signedAt?: Date;
  /** Whether it may be sent again after a failure that leaves open whether it was done. */
  readonly isRepeatable: boolean;
  /** In place of the client's, see `S3ClientOptions`. */
  readonly timeoutMs?: number;
}

type SignedRequest = Omit<
  ConstructorParameters<typeof AwsV4Signer>[0],
  "accessKeyId" | "secretAccessKey" | "sessionToken"
>;

export interface S3ClientOptions {
  /** How long the server may take until its response begins, in milliseconds. */
  readonly timeoutMs?: number;
  /** Pause before the first retry, in milliseconds; doubled after each, with jitter. */
  readonly pauseMs?: number;
  readonly maxAttempts?: number;
}

const TIMEOUT_MS = 20_000;
/** Of requests that no server needs long for: with a body up to this size (bytes), and neither lists nor completions. */
const QUICK_TIMEOUT_MS = 5000;
const MAX_QUICK_BODY = 64 * 1024;
const PAUSE_MS = 50;
const MAX_PAUSE_MS = 2000;
const MAX_ATTEMPTS = 4;
/** Bodies up to this size (bytes) are hashed for the signature where TLS is in use as well. */
const MAX_HASHED_WITH_TLS = 64 * 1024;
/** Statuses that a retry may change. */
const RETRIED: readonly number[] = [429, 500, 502, 503, 504];
/** Statuses that are results: not found, a condition that does not hold, a conflict of writers, a range beyond the end. */
const RESULTS: readonly number[] = [404, 409, 412, 416];

/** Error codes of a missing object. */
const MISSING: readonly string[] = ["NoSuchKey", "NoSuchUpload", "NotFound"];

/** Sends signed requests to one bucket. */
export class S3Client {
  readonly location: S3Location;
  readonly #credentials: () => S3Credentials;
  readonly #options: Required<S3ClientOptions>;
  readonly #budget = new RetryBudget();
  readonly #outage = new Outage();
  readonly #signingKeys = new Map<string, ArrayBuffer>();
  #requests = 0;
  /** How much the store's clock is ahead of this machine's, in milliseconds. */
  #ahead = 0;

  constructor(location: S3Location, credentials: () => S3Credentials, options: S3ClientOptions = {}) {
    this.location = location;
    this.#credentials = credentials;
    this.#options = { timeoutMs: TIMEOUT_MS, pauseMs: PAUSE_MS, maxAttempts: MAX_ATTEMPTS, ...options };
  }

  /** Requests sent so far, with retries. */
  get requests(): number {
    return this.#requests;
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
      const began = monotonicMs();
      const outcome = await this.#attempt(request);
      if (outcome instanceof Response) {
        this.#budget.succeeded();
        this.#outage.answered();
        return outcome;
      }
      this.#outage.failed(began);
      const isOver = attempt >= maxAttempts || this.#outage.isOn;
      const isLast = !request.isRepeatable || isOver || !this.#budget.spend();
      if (isLast) throw outcome;
      const pause = Math.min(pauseMs * 2 ** (attempt - 1), MAX_PAUSE_MS);
      await Bun.sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  /** An address at which anyone can get the object for so many seconds. */
  async presign(key: string, seconds: number): Promise<string> {
    const url = this.#url(key, { "X-Amz-Expires": String(seconds) });
    const signed = await this.#signer({ method: "GET", url, signQuery: true }).sign();
    return signed.url.href;
  }

  /** Returns a failure that a retry may mend; throws the others. */
  async #attempt(request: S3Request): Promise<Response | S3UnavailableError> {
    let response: Response;
    try {
      response = await this.#fetch(request);
    } catch (error) {
      return this.#unavailable(messageOf(error), error);
    }
    const { ok, status } = response;
    this.#noteTime(response);
    if (ok || (RESULTS.includes(status) && status !== 404)) return response;
    const { code, message } = parseErrorBody(await response.text().catch(() => ""));
    // Not only objects can be missing: so can the bucket, or the user of the access key.
    if (status === 404 && (code === undefined || MISSING.includes(code)))
      return new Response(null, { status });
    const words = `${status} ${code ?? ""} ${message ?? ""}`.trim().replaceAll(/\s+/g, " ");
    if (RETRIED.includes(status)) return this.#unavailable(words);
    throw this.#refused(code ?? String(status), words);
  }

  #usualTimeout({ method, query = {}, body }: S3Request): number {
    const { timeoutMs } = this.#options;
    const isQuick =
      method !== "POST" && query["list-type"] === undefined && (body?.length ?? 0) <= MAX_QUICK_BODY;
    return isQuick ? Math.min(QUICK_TIMEOUT_MS, timeoutMs) : timeoutMs;
  }

  #noteTime({ headers }: Response): void {
    const time = Date.parse(headers.get("date") ?? "");
    if (!Number.isNaN(time)) this.#ahead = time - Date.now();
  }

  async #fetch(request: S3Request): Promise<Response> {
    const { method, key, query = {}, headers = {}, body, timeoutMs, signedAt } = request;
    this.#requests++;
    const signer = this.#signer({
      method,
      url: this.#url(key, query),
      headers: { ...headers, ...(body && { "X-Amz-Content-Sha256": this.#payloadHash(body) }) },
      ...(signedAt && { datetime: signedAt.toISOString().replaceAll(/[:-]|\.\d{3}/g, "") }),
    });
    const signed = await signer.sign();
    const deadline = new AbortController();
    const ms = this.#outage.patience(timeoutMs ?? this.#usualTimeout(request));
    const timer = setTimeout(() => deadline.abort(new Error(`no response within ${ms} ms`)), ms);
    try {
      return await fetch(signed.url, {
        method,
        headers: signed.headers,
        signal: deadline.signal,
        redirect: "manual",
        ...(body && { body }),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #signer(request: SignedRequest): AwsV4Signer {
    const { sessionToken, ...keys } = this.#credentials();
    return new AwsV4Signer({
      ...request,
      ...keys,
      ...(sessionToken !== undefined && { sessionToken }),
      service: "s3",
      region: this.location.region,
      cache: this.#signingKeys,
    });
  }

  /** TLS protects large bodies already, and hashing them costs as much as all the rest. */
  #payloadHash(body: Uint8Array<ArrayBuffer>): string {
    const isProtected = this.location.endpoint.startsWith("https:") && body.length > MAX_HASHED_WITH_TLS;
    return isProtected ? "UNSIGNED-PAYLOAD" : hashOf(body);
  }

  #url(key: string | undefined, query: Readonly<Record<string, string>>): string {
    const { endpoint, bucket, prefix } = this.location;
    const path = [bucket, ...(key === undefined ? [] : [prefix, key])]
      .filter((part) => part !== "")
      .join("/");
    const url = new URL(`${endpoint}/${path.split("/").map(encodeURIComponent).join("/")}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }

  #unavailable(words: string, cause?: unknown): S3UnavailableError {
    return new S3UnavailableError(`the object store ${this.location.endpoint} fails: ${words}`, { cause });
  }

  #refused(code: string, words: string): S3RefusedError {
    const { endpoint, bucket, region } = this.location;
    const reasons: Readonly<Record<string, string>> = {
      NoSuchBucket: `the bucket '${bucket}' does not exist`,
      InvalidAccessKeyId: "it does not know the access key",
      // versitygw
      XAdminUserNotFound: "it does not know the access key",
      SignatureDoesNotMatch: "the secret key is wrong",
      AccessDenied: `the keys may not use the bucket '${bucket}'`,
      RequestTimeTooSkewed: "the clock of this machine is wrong",
      AuthorizationHeaderMalformed: `the region '${region}' is wrong`,
    };
    return new S3RefusedError(
      code,
      `the object store ${endpoint} refuses the request: ${reasons[code] ?? words}`,
    );
  }
}

function hashOf(body: Uint8Array<ArrayBuffer>): string {
  return new Bun.CryptoHasher("sha256").update(body).digest("hex");
}
