import { Authorizer, type AuthorizerOptions } from "./authorizer.ts";
import type { Exchange, HttpResponse } from "./exchange.ts";
import { type CodedFailure, failureOf } from "./failed-response.ts";
import { UpstreamFault } from "./upstream-answer.ts";
import type { UpstreamUrl } from "./upstream-url.ts";

/** A request of upstream's API. */
export interface UpstreamRequest {
  readonly method: "GET" | "HEAD";
  /** Below the base URL, such as `/v2/library/alpine/tags/list?n=100`. */
  readonly path: string;
  /** Of the token, such as `repository:library/alpine:pull`. */
  readonly scope: string;
  /** For messages, such as `a blob`. */
  readonly wanted: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Statuses that the caller handles besides those of success. */
  readonly expected?: readonly number[];
  /** Whether a redirect is a failure. */
  readonly refusesRedirects?: boolean;
  /** See `HttpRequest`. */
  readonly answerMs?: number | undefined;
  /** Its body is worth a connection of its own. */
  readonly isLarge?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface UpstreamResponse extends HttpResponse {
  /** Whence it came, after redirects. */
  readonly url: URL;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** Without or with a known token, with a new one, and with newer credentials. */
const MAX_AUTHORIZATIONS = 3;
/** After a 429, nothing of the kind is asked again before upstream's `Retry-After`, but for at most so long (ms). */
const MAX_PAUSE_MS = 600_000;

/** Sends requests of the API with credentials, and follows redirects without. */
export class Transport {
  readonly #upstream: UpstreamUrl;
  readonly #exchange: Exchange;
  readonly #authorizer: Authorizer;
  /** By method and what is wanted: when 429 ends (by `performance.now`). */
  readonly #pauses = new Map<string, { readonly until: number; readonly reason: string }>();

  constructor(options: AuthorizerOptions) {
    this.#upstream = options.upstream;
    this.#exchange = options.exchange;
    this.#authorizer = new Authorizer(options);
  }

  /** Resolves to responses of success, and those of an expected status. Rejects with `UpstreamFault` or the signal's reason. */
  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    this.#checkPause(request);
    const url = new URL(`${this.#upstream.base}${request.path}`);
    let authorization = await this.#authorizer.authorization(request.scope);
    for (let attempt = 1; ; attempt++) {
      const response = await this.#followed(request, url, authorization);
      const { status } = response;
      // What a redirect led to gets no credentials.
      const isOwn = response.url.origin === this.#upstream.origin;
      if (status === 401 && isOwn && attempt < MAX_AUTHORIZATIONS) {
        response.body.discard();
        const challenge = response.header("www-authenticate");
        const next = await this.#authorizer.renewed(challenge, request.scope, authorization, attempt > 1);
        if (next !== undefined) {
          authorization = next;
          continue;
        }
        throw await this.#denied(request);
      }
      if ((status >= 200 && status < 300) || request.expected?.includes(status)) return response;
      const failure = await this.failureOf(response, request.wanted);
      if (failure.kind === "limited") this.#pause(request, failure.reason, failure.retryAfterMs);
      throw new UpstreamFault(failure);
    }
  }

  /** What a response that is no success means, see `failureOf`; ends the response. */
  failureOf(response: UpstreamResponse, wanted: string): Promise<CodedFailure> {
    return failureOf(this.#exchange, response.url, response, wanted);
  }

  /** A failure that a response shows, which is of `url`. */
  fault(url: URL, words: string, kind: "invalid" | "unavailable" = "invalid"): UpstreamFault {
    return new UpstreamFault(this.#exchange.failure(url, words, kind));
  }

  get base(): URL {
    return new URL(this.#upstream.base);
  }

  close(): void {
    this.#authorizer.close();
  }

  async #followed(
    { method, headers, isLarge, signal, answerMs, refusesRedirects, wanted }: UpstreamRequest,
    first: URL,
    authorization: string | undefined,
  ): Promise<UpstreamResponse> {
    let url = first;
    for (let redirects = 0; ; redirects++) {
      const isTrusted = url.origin === this.#upstream.origin;
      const secret = isTrusted && authorization !== undefined ? { Authorization: authorization } : {};
      const response = await this.#exchange.send({
        ...{ method, url, isTrusted, isLarge, signal, answerMs },
        headers: { ...headers, ...secret },
      });
      if (!REDIRECTS.includes(response.status)) return { ...response, url };
      response.body.discard();
      if (redirects === MAX_REDIRECTS)
        throw this.fault(first, `it redirects more than ${MAX_REDIRECTS} times`);
      const next = this.#redirected(url, response.header("location"));
      if (refusesRedirects)
        throw this.fault(url, `it redirects the request for ${wanted} to ${next.origin}, which is refused`);
      url = next;
    }
  }

  #redirected(from: URL, location: string | undefined): URL {
    const url = location === undefined ? null : URL.parse(location, from.href);
    if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
      throw this.fault(from, "it redirects, but not to a URL");
    if (url.username !== "" || url.password !== "")
      throw this.fault(from, "it redirects to a URL with a user name or password");
    if (from.protocol === "https:" && url.protocol === "http:")
      throw this.fault(from, `it redirects from https to http (${url.host}), which is refused`);
    url.hash = "";
    return url;
  }

  async #denied({ wanted }: UpstreamRequest): Promise<UpstreamFault> {
    const words = (await this.#authorizer.hasCredentials())
      ? "it refuses the credentials"
      : "it wants credentials";
    const reason = `upstream ${this.#upstream.base}: ${words} for ${wanted}`;
    return new UpstreamFault({ kind: "denied", reason });
  }

  #pause(request: UpstreamRequest, reason: string, retryAfterMs = 0): void {
    if (retryAfterMs <= 0) return;
    const until = performance.now() + Math.min(retryAfterMs, MAX_PAUSE_MS);
    this.#pauses.set(pauseKey(request), { until, reason });
  }

  #checkPause(request: UpstreamRequest): void {
    const pause = this.#pauses.get(pauseKey(request));
    if (!pause) return;
    const retryAfterMs = Math.ceil(pause.until - performance.now());
    if (retryAfterMs > 0) throw new UpstreamFault({ kind: "limited", retryAfterMs, reason: pause.reason });
    this.#pauses.delete(pauseKey(request));
  }
}

/** Registries count kinds of requests apart: Docker Hub, for example, counts GETs of manifests alone. */
function pauseKey({ method, wanted }: UpstreamRequest): string {
  return `${method} ${wanted}`;
}
