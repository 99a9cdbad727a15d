import type { WebRequest, WebResponse } from "./web-calls.ts";

/** A shorter body gains less than its headers cost. */
const MIN_BYTES = 1024;
const COMPRESSED_TYPE = /^(?:text\/|application\/(?:json|problem\+json)|image\/svg)/;

/** Compresses a text if the client accepts gzip. */
export function compressed({ headers }: WebRequest, response: WebResponse): WebResponse {
  const { body, headers: sent } = response;
  const accepts = /(?:^|[, ])gzip(?:$|[,; ])/.test(headers["accept-encoding"] ?? "");
  if (typeof body !== "string" || body.length < MIN_BYTES || !accepts) return response;
  if (!COMPRESSED_TYPE.test(sent["Content-Type"] ?? "")) return response;
  return {
    ...response,
    headers: { ...sent, "Content-Encoding": "gzip", Vary: "Accept-Encoding, Authorization, Cookie" },
    body: Bun.gzipSync(Buffer.from(body)),
  };
}
