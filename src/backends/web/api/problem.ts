import type { WebFailure } from "../requests/failed-web.ts";
import type { WebResponse } from "../requests/web-calls.ts";

const RETRY_SECONDS = "5";

/** A problem document (RFC 9457). */
export function problem(
  { status, title = titleOf(status), words, hint }: WebFailure,
  headers: Readonly<Record<string, string>> = {},
): WebResponse {
  const document = {
    type: "about:blank",
    status,
    title,
    detail: words,
    ...(hint && { hint }),
  };
  return {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      ...retryHeaders(status),
      ...headers,
    },
    body: JSON.stringify(document),
  };
}

/** When a client may try again, if it is for the server to become able to respond. */
export function retryHeaders(status: number): Readonly<Record<string, string>> {
  return status === 503 ? { "Retry-After": RETRY_SECONDS } : {};
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

export function titleOf(status: number): string {
  return TITLES[status] ?? "Error";
}
