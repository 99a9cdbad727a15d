import type { Digest } from "../../../primitives/digest.ts";
import { messageOf } from "../../../primitives/expected-error.ts";
import { parseObjectId } from "../../../primitives/store/git/object-id.ts";
import { isRecord } from "../../../primitives/text/records.ts";
import { VERSION } from "../../../primitives/version.ts";
import type { UpstreamCredentialSource } from "../../../registry/client/upstream-credentials.ts";
import { decodePage, InvalidPageError } from "../feed/history-page.ts";
import { BLOBS, HEAD_HEADER, HISTORY, HISTORY_TYPE, REPLICA_PREFIX } from "../feed/replica-route.ts";
import type { HistoryRequest, PrimaryAnswer, PrimaryBlob, PrimaryClient } from "./primary-client.ts";
import { PrimaryError } from "./primary-error.ts";

export interface HttpPrimaryOptions {
  /** Without a slash at its end. */
  readonly url: string;
  /** The name that the registry must have there. */
  readonly registry: string | undefined;
  readonly credentials: UpstreamCredentialSource;
  /** Certificates (PEM) of the CAs that the primary's may be from, in place of all known ones. */
  readonly ca?: string | undefined;
  /** How long the primary may send nothing (ms), besides the time that it was asked to wait. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 15_000;
/** Most bytes of a page as it is sent. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;
const MAX_ERROR_BYTES = 16 * 1024;
const MAX_REDIRECTS = 5;
const MAX_REASON = 300;
/** The runtime's advice to who called `fetch`. */
const RUNTIME_HINT = /(?:\. Is the computer able to access the url\?|\.? For more information, pass .*)$/;

type Wanted = { readonly path: string; readonly query?: URLSearchParams; readonly range?: number };

/** The primary over HTTP. */
export class HttpPrimary implements PrimaryClient {
  readonly url: string;
  readonly #options: HttpPrimaryOptions;
  readonly #silenceMs: number;

  constructor(options: HttpPrimaryOptions) {
    this.url = options.url;
    this.#options = options;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
  }

  async history({ haves, skip, waitSeconds }: HistoryRequest, signal: AbortSignal): Promise<PrimaryAnswer> {
    const query = new URLSearchParams(haves.map((id): [string, string] => ["have", id]));
    if (skip > 0) query.set("skip", String(skip));
    if (waitSeconds > 0) query.set("wait", String(waitSeconds));
    const silence = new Silence(this.#silenceMs + waitSeconds * 1000, signal);
    try {
      const response = await this.#get({ path: HISTORY, query }, silence.signal);
      const head = parseObjectId(response.headers.get(HEAD_HEADER) ?? "");
      if (response.status === 204) return { kind: "current", head };
      if (response.status === 409) {
        await response.body?.cancel();
        return { kind: "diverged", head };
      }
      if (response.status !== 200 || response.headers.get("Content-Type") !== HISTORY_TYPE)
        throw this.#refusal(response, await errorIn(response));
      silence.allow(this.#silenceMs);
      const bytes = await bounded(heard(response, silence), MAX_PAGE_BYTES);
      if (bytes === undefined) throw new InvalidPageError("it is too large");
      return { kind: "page", page: await decodePage(bytes) };
    } catch (error) {
      throw this.#failure(error, signal);
    } finally {
      silence.end();
    }
  }

  async blob(digest: Digest, from: number, signal: AbortSignal): Promise<PrimaryBlob | undefined> {
    const silence = new Silence(this.#silenceMs, signal);
    try {
      const response = await this.#get({ path: `${BLOBS}${digest}`, range: from }, silence.signal);
      // Of a blob that has come whole, there is nothing left to send.
      if (response.status === 416) return { body: nothing() };
      if (response.status !== 200 && response.status !== 206) {
        const said = await errorIn(response);
        silence.end();
        if (response.status === 404 && said?.["code"] === "BLOB_UNKNOWN") return undefined;
        throw this.#refusal(response, said);
      }
      const skipped = response.status === 206 ? 0 : from;
      return { body: this.#body(response, skipped, silence, signal) };
    } catch (error) {
      silence.end();
      throw this.#failure(error, signal);
    }
  }

  /** All bytes of a response but the first `skipped`. Throws `PrimaryError` unless as many arrive as were announced. */
  async *#body(response: Response, skipped: number, silence: Silence, signal: AbortSignal) {
    const announced = announcedBytes(response.headers);
    let [received, left] = [0, skipped];
    try {
      for await (const chunk of heard(response, silence)) {
        received += chunk.length;
        const rest = chunk.subarray(Math.min(left, chunk.length));
        left -= chunk.length - rest.length;
        if (rest.length > 0) yield rest;
      }
      if (announced !== undefined && received !== announced)
        throw new PrimaryError(`${this.url} ended a blob after ${received} of ${announced} bytes`);
    } catch (error) {
      throw this.#failure(error, signal);
    } finally {
      silence.end();
    }
  }

  async #get({ path, query = new URLSearchParams(), range }: Wanted, signal: AbortSignal): Promise<Response> {
    const { url, registry, ca } = this.#options;
    if (registry !== undefined) query.set("registry", registry);
    const target = `${url}${REPLICA_PREFIX}${path}${query.size > 0 ? `?${query}` : ""}`;
    const tls = ca === undefined ? {} : { tls: { ca } };
    const headers = {
      "User-Agent": `everlock/${VERSION.everlock}`,
      // Also for a whole blob: the response then says how large it is, whatever is between the two servers.
      ...(range !== undefined && { Range: `bytes=${range}-` }),
    };
    const known = { ...headers, ...(await this.#authorization(false)) };
    let response = await fetch(target, { headers: known, redirect: "manual", signal, ...tls });
    if (response.status === 401) {
      await response.body?.cancel();
      const newer = { ...headers, ...(await this.#authorization(true)) };
      response = await fetch(target, { headers: newer, redirect: "manual", signal, ...tls });
    }
    // Blobs may lie in an object store; the credentials are the primary's alone.
    for (let at = target, hops = 0; path.startsWith(BLOBS) && isRedirect(response); hops++) {
      const next = URL.parse(response.headers.get("Location") ?? "", at);
      const isSafe = next && (next.protocol === "https:" || !at.startsWith("https:"));
      if (!isSafe || hops >= MAX_REDIRECTS) break;
      await response.body?.cancel();
      at = next.href;
      response = await fetch(at, { headers, redirect: "manual", signal });
    }
    return response;
  }

  async #authorization(wereRefused: boolean): Promise<Readonly<Record<string, string>>> {
    const credentials = await this.#options.credentials(wereRefused);
    if (!credentials) return {};
    const text = Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
    return { Authorization: `Basic ${text}` };
  }

  #refusal(response: Response, error: ErrorBody): PrimaryError {
    const { status, headers } = response;
    const retryAfter = Number(headers.get("Retry-After") ?? Number.NaN);
    const said = isRedirect(response) ? `a redirect to ${headers.get("Location")}` : messageIn(error);
    const retryAfterMs = Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined;
    return new PrimaryError(`${this.url} answered ${status}${said ? `: ${said.slice(0, MAX_REASON)}` : ""}`, {
      retryAfterMs,
    });
  }

  #failure(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted || error instanceof PrimaryError) return error;
    if (error instanceof InvalidPageError) return new PrimaryError(`${this.url}: ${error.message}`);
    if (error instanceof SilentError) return new PrimaryError(`${this.url} was silent for too long`);
    return new PrimaryError(`${this.url} can't be reached: ${messageOf(error).replace(RUNTIME_HINT, "")}`);
  }
}

class SilentError extends Error {}

/** Ends a request when nothing was heard for too long. */
class Silence {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal;
  #timer: Timer | undefined;
  #ms: number;

  constructor(ms: number, signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.#ms = ms;
    this.heard();
  }

  allow(ms: number): void {
    this.#ms = ms;
    this.heard();
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new SilentError()), this.#ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** How many bytes a response is to have. */
function announcedBytes(headers: Headers): number | undefined {
  const [, first, last] = headers.get("Content-Range")?.match(/^bytes (\d+)-(\d+)\/\d+$/) ?? [];
  if (first !== undefined && last !== undefined) return Number(last) - Number(first) + 1;
  const length = headers.get("Content-Length");
  return length === null ? undefined : Number(length);
}

async function* heard(response: Response, silence: Silence): AsyncGenerator<Uint8Array> {
  for await (const chunk of response.body ?? []) {
    silence.heard();
    yield chunk;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** `undefined`: there are more bytes. */
async function bounded(
  body: AsyncIterable<Uint8Array>,
  most: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function isRedirect({ status }: Response): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

type ErrorBody = Readonly<Record<string, unknown>> | undefined;

/** The first error in the body of a response. */
async function errorIn(response: Response): Promise<ErrorBody> {
  try {
    const bytes = await bounded(response.body ?? nothing(), MAX_ERROR_BYTES);
    const json: unknown = JSON.parse(Buffer.from(bytes ?? []).toString());
    const errors: unknown = isRecord(json) ? json["errors"] : undefined;
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    return isRecord(first) ? first : undefined;
  } catch {
    return undefined;
  }
}

function messageIn(error: ErrorBody): string | undefined {
  const message = error?.["message"];
  return typeof message === "string" ? message.replace(/[\u0000-\u001f\u007f]/g, " ") : undefined;
}
