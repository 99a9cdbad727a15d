import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { connectionFailure } from "./connection-failure.ts";
import type { Connections } from "./connections.ts";
import { ReceivedBody } from "./received-body.ts";
import { type ExplainedFailure, UpstreamFault } from "./upstream-answer.ts";

// `node:http` instead of `fetch`: in Bun 1.4.5 both read large bodies at the same rate and with the same memory, but only
// `node:http` connects to addresses that were checked (`lookup`), has a pool of connections of its own for each client,
// connects through proxies with their own credentials, and never repeats a request by itself.

export interface HttpRequest {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the operator has named this place, so that its address may be private. */
  readonly isTrusted: boolean;
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

/** Sends single requests and follows no redirect. */
export class Exchange {
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** Resolves when a response has begun. Rejects with `UpstreamFault`, or with the signal's reason. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    for (let attempt = 1; ; attempt++) {
      request.signal?.throwIfAborted();
      const sent = await this.#attempt(request);
      if (!("isStale" in sent)) return sent;
      if (!sent.isStale || attempt > MAX_STALE) throw this.#fault(request, sent.error);
    }
  }

  async #attempt(request: HttpRequest): Promise<HttpResponse | { isStale: boolean; error: unknown }> {
    const { method, url, headers, signal, isTrusted } = request;
    const { connections, userAgent } = this.#options;
    const answerMs = request.answerMs ?? this.#options.silenceMs;
    let sent: ClientRequest | undefined;
    try {
      const options = await connections.requestOptions(url, isTrusted);
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      sent = (url.protocol === "https:" ? httpsRequest : httpRequest)({
        ...options,
        method,
        headers: { "User-Agent": userAgent, "Accept-Encoding": "identity", ...options.headers, ...headers },
        ...(signal && { signal }),
      });
      // Stays for as long as the request: what fails after the response has begun is reported by the body too.
      sent.on("response", resolve).on("error", reject).end();
      const silence = () =>
        sent?.destroy(new UpstreamFault(this.failure(url, `it did not answer within ${answerMs / 1000} s`)));
      const timer = setTimeout(silence, answerMs);
      const message = await promise.finally(() => clearTimeout(timer));
      return this.#response(message, request);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      return { isStale: sent?.reusedSocket === true && !(error instanceof UpstreamFault), error };
    }
  }

  #response(message: IncomingMessage, { url, signal, method }: HttpRequest): HttpResponse {
    const { silenceMs } = this.#options;
    const body = new ReceivedBody(message, {
      ...{ silenceMs, signal, hasContent: method !== "HEAD" },
      failed: (error) => this.#failureOf(url, error),
      unavailable: (words) => this.failure(url, words),
    });
    return {
      status: message.statusCode ?? 0,
      header: (name) => {
        const value = message.headers[name];
        return Array.isArray(value) ? value.join(", ") : value;
      },
      body,
    };
  }

  /** A failure at a place that is named by host alone: addresses may hold signatures. */
  failure(url: URL, words: string, kind: "unavailable" | "invalid" = "unavailable"): ExplainedFailure {
    const { name } = this.#options;
    const place = name === url.origin || name.startsWith(`${url.origin}/`) ? "" : `${url.host}: `;
    return { kind, reason: `upstream ${name}: ${place}${words}` };
  }

  #failureOf(url: URL, error: unknown): ExplainedFailure {
    const { kind, words } = connectionFailure(error);
    return this.failure(url, words, kind);
  }

  #fault({ url }: HttpRequest, error: unknown): UpstreamFault {
    return error instanceof UpstreamFault ? error : new UpstreamFault(this.#failureOf(url, error));
  }
}
