import { RegistryError } from "./errors.ts";
import type { ResponseBodies, Result } from "./registry-request.ts";

const RETRY_SECONDS = "5";

/** A response with a body from `ResponseBodies`; an error if that refused the body. */
export function largeResponse(
  body: Bun.BodyInit | undefined,
  headers: Readonly<Record<string, string>>,
  status = 200,
): Result {
  return body === undefined
    ? new RegistryError("tooManyResponses", { headers: { "Retry-After": RETRY_SECONDS } })
    : new Response(body, { status, headers });
}

/** A JSON list of any length. `value` may be JSON already encoded as bytes. */
export function largeListResponse(
  responseBodies: ResponseBodies,
  value: object | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Result {
  const content = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
  return largeResponse(responseBodies.list(content), {
    "Content-Type": "application/json",
    ...headers,
    "Content-Length": String(content.length),
  });
}
