import type { Digest } from "../../../primitives/digest.ts";
import { parseObjectId } from "../../../primitives/store/git/object-id.ts";
import { blobIn } from "../../../registry/client/fetch-blob.ts";
import { type OpenedTransport, openTransport } from "../../../registry/client/open-transport.ts";
import type { UpstreamResponse } from "../../../registry/client/transport.ts";
import { UpstreamFault } from "../../../registry/client/upstream-answer.ts";
import type { UpstreamOptions } from "../../../registry/client/upstream-options.ts";
import { decodePage, InvalidPageError, MAX_PAGE_BYTES } from "../feed/history-page.ts";
import { BLOBS, HEAD_HEADER, HISTORY, HISTORY_TYPE, REPLICA_PREFIX } from "../feed/replica-route.ts";
import type { HistoryRequest, PrimaryAnswer, PrimaryBlob, PrimaryClient } from "./primary-client.ts";
import { PrimaryError } from "./primary-error.ts";

export interface HttpPrimaryOptions extends UpstreamOptions {
  /** The name that the registry must have there. */
  readonly registry: string | undefined;
}

const SILENCE_MS = 15_000;
const A_BLOB = "a blob";
/** A primary asks for a password, not for a token of some scope. */
const NO_SCOPE = "";

/** The primary over HTTP. */
export class HttpPrimary implements PrimaryClient {
  readonly url: string;
  readonly #registry: string | undefined;
  readonly #silenceMs: number;
  readonly #opened: OpenedTransport;

  constructor({ registry, ...options }: HttpPrimaryOptions) {
    this.url = options.url.base;
    this.#registry = registry;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#opened = openTransport({ ...options, silenceMs: this.#silenceMs });
  }

  async history({ haves, skip, waitSeconds }: HistoryRequest, signal: AbortSignal): Promise<PrimaryAnswer> {
    const query = new URLSearchParams(haves.map((id): [string, string] => ["have", id]));
    if (skip > 0) query.set("skip", String(skip));
    if (waitSeconds > 0) query.set("wait", String(waitSeconds));
    try {
      const response = await this.#opened.transport.send({
        method: "GET",
        path: this.#path(HISTORY, query),
        scope: NO_SCOPE,
        wanted: "the history",
        expected: [409],
        refusesRedirects: true,
        answerMs: this.#silenceMs + waitSeconds * 1000,
        signal,
      });
      return await this.#answerIn(response);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async blob(digest: Digest, from: number, signal: AbortSignal): Promise<PrimaryBlob | undefined> {
    const { transport } = this.#opened;
    try {
      const response = await transport.send({
        method: "GET",
        path: this.#path(`${BLOBS}${digest}`, new URLSearchParams()),
        scope: NO_SCOPE,
        wanted: A_BLOB,
        // Also for a whole blob: the response then says how large it is, whatever is between the two servers.
        headers: { Range: `bytes=${from}-` },
        expected: [404, 416],
        signal,
      });
      if (response.status === 404) {
        const failure = await transport.failureOf(response, A_BLOB);
        if (failure.code === "BLOB_UNKNOWN") return undefined;
        throw new UpstreamFault(failure);
      }
      const discard = () => response.body.discard();
      if (response.status === 416) {
        // Of a blob that has come whole, there is nothing left to send.
        discard();
        return { body: nothing(), size: 0, discard };
      }
      const { body, size } = blobIn(transport, response, digest, { from });
      if (size === undefined) {
        discard();
        throw new PrimaryError(`${this.url} does not say how large the blob ${digest} is`);
      }
      return { body: this.#body(body), size: size - from, discard };
    } catch (error) {
      throw this.#failure(error);
    }
  }

  close(): void {
    this.#opened.close();
  }

  #path(path: string, query: URLSearchParams): string {
    if (this.#registry !== undefined) query.set("registry", this.#registry);
    return `${REPLICA_PREFIX}${path}${query.size > 0 ? `?${query}` : ""}`;
  }

  async #answerIn({ status, header, body }: UpstreamResponse): Promise<PrimaryAnswer> {
    if (status === 204 || status === 409) {
      body.discard();
      const head = parseObjectId(header(HEAD_HEADER.toLowerCase()) ?? "");
      return { kind: status === 204 ? "current" : "diverged", head };
    }
    if (header("content-type") !== HISTORY_TYPE) {
      body.discard();
      throw new PrimaryError(`${this.url} sends no history of a registry: it may be no Everlock`);
    }
    // A page takes as long as the connection is slow.
    const bytes = await body.bytes(MAX_PAGE_BYTES, Number.POSITIVE_INFINITY);
    if (bytes === undefined) throw new InvalidPageError("it is too large");
    return { kind: "page", page: await decodePage(bytes) };
  }

  async *#body(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    if (error instanceof InvalidPageError) return new PrimaryError(`${this.url}: ${error.message}`);
    if (!(error instanceof UpstreamFault)) return error;
    const { failure } = error;
    return new PrimaryError(failure.reason, {
      retryAfterMs: failure.kind === "limited" ? failure.retryAfterMs : undefined,
    });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
