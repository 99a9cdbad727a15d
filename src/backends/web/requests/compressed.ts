import type { WebRequest, WebResponse } from "./web-calls.ts";

/** A shorter body gains less than its headers cost. */
const MIN_BYTES = 1024;
const COMPRESSED_TYPE = /^(?:text\/|application\/(?:json|problem\+json)|image\/svg)/;

export const GZIP_HEADERS = {
  "Content-Encoding": "gzip",
  Vary: "Accept-Encoding, Authorization, Cookie",
} as const;

export function acceptsGzip({ headers }: WebRequest): boolean {
  return /(?:^|[, ])gzip(?:$|[,; ])/.test(headers["accept-encoding"] ?? "");
}

/** Compresses a text if the client accepts gzip. */
export function compressed(request: WebRequest, response: WebResponse): WebResponse {
  const { body, headers: sent } = response;
  if (typeof body !== "string" || body.length < MIN_BYTES || !acceptsGzip(request)) return response;
  if (!COMPRESSED_TYPE.test(sent["Content-Type"] ?? "")) return response;
  return {
    ...response,
    headers: { ...sent, ...GZIP_HEADERS },
    body: Bun.gzipSync(body),
  };
}
