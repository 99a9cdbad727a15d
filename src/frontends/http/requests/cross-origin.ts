/** Any origin, without credentials. */
const ANY_ORIGIN = "*";

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** Request headers that a page may set. `Authorization` is never covered by a wildcard. */
const REQUEST_HEADERS = [
  ...["Accept", "Authorization", "Cache-Control", "Content-Range", "Content-Type"],
  ...["If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Range", "X-Requested-With"],
].join(", ");
/** Response headers that a page may read besides those of the CORS safelist, such as Content-Type. */
const RESPONSE_HEADERS = [
  ...["Accept-Ranges", "Allow", "Content-Range", "Docker-Content-Digest", "Docker-Distribution-API-Version"],
  ...["Docker-Upload-UUID", "ETag", "Link", "Location", "OCI-Chunk-Max-Length", "OCI-Chunk-Min-Length"],
  ...["OCI-Filters-Applied", "OCI-Subject", "OCI-Tag", "Range", "Retry-After", "WWW-Authenticate"],
].join(", ");
/** The longest time that Chromium remembers a preflight response; others cut it too. */
const MAX_AGE_SECONDS = 7200;

/** Parses `*`, or an origin in the form in which browsers send it: scheme, host, and port unless it is the default. */
export function parseAllowedOrigin(text: string): string | undefined {
  if (text === ANY_ORIGIN) return text;
  if (!/^https?:\/\/[^/?#@*\s\\]+$/i.test(text)) return undefined;
  return URL.parse(text)?.origin;
}

/** Lets web pages of other origins use the registries (Fetch standard, "CORS protocol"). */
export class CrossOrigin {
  readonly #origins: ReadonlySet<string>;

  /** Each origin is one that `parseAllowedOrigin` returned. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** The response to a preflight request of an allowed origin; `undefined` for any other request. */
  preflight({ method, headers }: Request): Response | undefined {
    if (method !== "OPTIONS" || !headers.has("Access-Control-Request-Method")) return undefined;
    if (this.#allowed(headers) === undefined) return undefined;
    return new Response(null, {
      status: 204,
      headers: {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": String(MAX_AGE_SECONDS),
      },
    });
  }

  /** Adds the headers that let the page read the response; to every response, also without an Origin: it may be cached. */
  add(request: Request, headers: Headers): void {
    headers.append("Vary", "Origin");
    const allowed = this.#allowed(request.headers);
    if (allowed === undefined) return;
    headers.set("Access-Control-Allow-Origin", allowed);
    headers.set("Access-Control-Expose-Headers", RESPONSE_HEADERS);
    if (allowed !== ANY_ORIGIN) headers.set("Access-Control-Allow-Credentials", "true");
  }

  #allowed(headers: Headers): string | undefined {
    const origin = headers.get("Origin");
    if (origin === null) return undefined;
    if (this.#origins.has(origin)) return origin;
    return this.#origins.has(ANY_ORIGIN) ? ANY_ORIGIN : undefined;
  }
}
