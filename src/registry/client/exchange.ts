import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { DirectResponse, NoResponseError } from "../../primitives/net/direct-response.ts";
import { DirectSource, MessageSource } from "./body-sources.ts";
import { connectionFailure } from "./connection-failure.ts";
import type { Connections } from "./connections.ts";
import { type BodySource, ReceivedBody } from "./received-body.ts";
import { type ExplainedFailure, UpstreamFault } from "./upstream-answer.ts";

// `node:http` instead of `fetch`: only `node:http` connects to addresses that were checked (`lookup`), has a pool of connections of its own for each client,
// connects through proxies with their own credentials, and never repeats a request by itself. Large bodies come by
// `DirectResponse` for half of the processor time; whatever is unusual is asked for again by `node:http`.

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of a POST. */
  readonly form?: URLSearchParams | undefined;
  /** Whether the operator has named this place, so that its address may be private. */
  readonly isTrusted: boolean;
  /** The body is worth a connection of its own. */
  readonly isLarge?: boolean | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long the response may take to begin, where upstream was asked to wait (ms). */
  readonly answerMs?: number | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** By its name in lower case; several of the same name are joined by commas. */
  header(name: string): string | undefined;
  readonly body: ReceivedBody;
}

export interface ExchangeOptions {
  readonly connections: Connections;
  readonly userAgent: string;
  readonly silenceMs: number;
  /** Upstream's name in messages. */
  readonly name: string;
}

/** A connection that was kept open may have been closed by the server meanwhile; as many times as there are such. */
const MAX_STALE = 9;
const MAX_REDIRECTING = 100;
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

/** Sends single requests and follows no redirect. */
export class Exchange {
  readonly #options: ExchangeOptions;
  /** Origins that have redirected: a connection for each such response would be wasted. */
  readonly #redirecting = new Set<string>();

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** Resolves when a response has begun. Rejects with `UpstreamFault`, or with the signal's reason. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    const direct = request.isLarge ? await this.#direct(request) : undefined;
    if (direct) return direct;
    for (let attempt = 1; ; attempt++) {
      request.signal?.throwIfAborted();
      const sent = await this.#attempt(request);
      if (!("isStale" in sent)) return sent;
      if (!sent.isStale || attempt > MAX_STALE) throw this.#fault(request, sent.error);
    }
  }

  /** Over a connection of its own; `undefined` where `node:http` must tell what is wrong, if anything is. */
  async #direct(request: HttpRequest): Promise<HttpResponse | undefined> {
    const { url, headers, signal, isTrusted } = request;
    if (this.#redirecting.has(url.origin)) return undefined;
    const { connections } = this.#options;
    const answerMs = request.answerMs ?? this.#options.silenceMs;
    signal?.throwIfAborted();
    let response: DirectResponse;
    try {
      const target = await connections.directTarget(url, isTrusted);
      if (!target) return undefined;
      const all = { Host: url.host, ...this.#commonHeaders, ...headers };
      const path = `${url.pathname}${url.search}`;
      const wanted = { ...target, path, headers: Object.entries(all) };
      response = await DirectResponse.open(wanted, answerMs, signal);
    } catch (error) {
      if (error instanceof NoResponseError) throw this.#silent(url, answerMs);
      return undefined;
    }
    if (response.status >= 300 && response.status < 400) this.#noteRedirecting(url.origin);
    if (response.length !== undefined && !signal?.aborted)
      return this.#response(response.status, response.headers, new DirectSource(response, signal), request);
    await response.cancel();
    return undefined;
  }

  #noteRedirecting(origin: string): void {
    if (this.#redirecting.size >= MAX_REDIRECTING) this.#redirecting.clear();
    this.#redirecting.add(origin);
  }

  get #commonHeaders(): Readonly<Record<string, string>> {
    return { "User-Agent": this.#options.userAgent, "Accept-Encoding": "identity" };
  }

  async #attempt(request: HttpRequest): Promise<HttpResponse | { isStale: boolean; error: unknown }> {
    const { method, url, headers, form, signal, isTrusted } = request;
    const { connections } = this.#options;
    const answerMs = request.answerMs ?? this.#options.silenceMs;
    const body = form?.toString();
    let sent: ClientRequest | undefined;
    try {
      const options = await connections.requestOptions(url, isTrusted);
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      sent = (url.protocol === "https:" ? httpsRequest : httpRequest)({
        ...options,
        method,
        headers: { ...this.#commonHeaders, ...options.headers, ...headers, ...(body !== undefined && FORM) },
        ...(signal && { signal }),
      });
      // Stays for as long as the request: what fails after the response has begun is reported by the body too.
      sent.on("response", resolve).on("error", reject).end(body);
      const silence = () => sent?.destroy(this.#silent(url, answerMs));
      const timer = setTimeout(silence, answerMs);
      const message = await promise.finally(() => clearTimeout(timer));
      const headersOf = { get: (name: string) => joined(message.headers[name]) };
      return this.#response(message.statusCode ?? 0, headersOf, new MessageSource(message), request);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      return { isStale: sent?.reusedSocket === true && !(error instanceof UpstreamFault), error };
    }
  }

  #response(
    status: number,
    headers: { get(name: string): string | null | undefined },
    source: BodySource,
    { url, signal, method }: HttpRequest,
  ): HttpResponse {
    const { silenceMs } = this.#options;
    const body = new ReceivedBody(source, {
      ...{ silenceMs, signal, hasContent: method !== "HEAD" },
      failed: (error) => this.#failureOf(url, error),
      unavailable: (words) => this.failure(url, words),
    });
    return { status, header: (name) => headers.get(name) ?? undefined, body };
  }

  /** A failure at a place that is named by host alone: addresses may hold signatures. */
  failure(url: URL, words: string, kind: "unavailable" | "invalid" = "unavailable"): ExplainedFailure {
    const { name } = this.#options;
    const place = name === url.origin || name.startsWith(`${url.origin}/`) ? "" : `${url.host}: `;
    return { kind, reason: `upstream ${name}: ${place}${words}` };
  }

  #silent(url: URL, ms: number): UpstreamFault {
    return new UpstreamFault(this.failure(url, `it did not answer within ${ms / 1000} s`));
  }

  #failureOf(url: URL, error: unknown): ExplainedFailure {
    const { kind, words } = connectionFailure(error);
    return this.failure(url, words, kind);
  }

  #fault({ url }: HttpRequest, error: unknown): UpstreamFault {
    return error instanceof UpstreamFault ? error : new UpstreamFault(this.#failureOf(url, error));
  }
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(", ");
}
